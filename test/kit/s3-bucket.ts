import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";

/** A bucket of an imitation of S3, as its owner sees it. */
export class S3Bucket implements Disposable {
  readonly name: string;
  readonly #client: S3Client;

  private constructor(client: S3Client, name: string) {
    this.#client = client;
    this.name = name;
  }

  static async create(endpoint: string, name: string): Promise<S3Bucket> {
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
    await client.send(new CreateBucketCommand({ Bucket: name }));
    return new S3Bucket(client, name);
  }

  async keys(): Promise<string[]> {
    const { Contents: contents = [] } = await this.#client.send(new ListObjectsV2Command({ Bucket: this.name }));
    return contents.map(({ Key: key = "" }) => key);
  }

  async read(key: string): Promise<Buffer> {
    const { Body: body } = await this.#client.send(new GetObjectCommand({ Bucket: this.name, Key: key }));
    return Buffer.from((await body?.transformToByteArray()) ?? []);
  }

  /** The content of every object. */
  async readAll(): Promise<Buffer[]> {
    return Promise.all((await this.keys()).map((key) => this.read(key)));
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}
