/** What every request of a load has in common. */
export interface RequestForm {
  /** With the query. */
  readonly url: URL;
  readonly key: string;
  readonly contentType: string;
  readonly contentEncoding?: string;
}

/** A POST as bytes, so that it can be made once and sent often. */
export function requestBytes({ url, key, contentType, contentEncoding }: RequestForm, body: Buffer | string): Buffer {
  const head = [
    `POST ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    `Authorization: Bearer ${key}`,
    `Content-Type: ${contentType}`,
    ...(contentEncoding === undefined ? [] : [`Content-Encoding: ${contentEncoding}`]),
    `Content-Length: ${Buffer.byteLength(body)}`,
    "User-Agent: millrace-bench",
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), Buffer.from(body)]);
}
