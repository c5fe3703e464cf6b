/** The region in an ARN; `undefined` for what is none, such as a bare name. */
export function arnRegion(nameOrArn: string): string | undefined {
  return nameOrArn.startsWith("arn:") ? nameOrArn.split(":")[3] : undefined;
}
