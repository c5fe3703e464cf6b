import { expect, test } from "vitest";
import { blamesIdentity, readServiceError } from "./service-error.ts";

test("reads code and message of an AWS JSON error, with or without a namespace", () => {
  const plain = Buffer.from('{"__type":"ExpiredTokenException","message":"too old"}');
  const spaced = Buffer.from('{"__type":"com.amazon.coral.service#ExpiredTokenException","Message":"too old"}');
  expect(readServiceError(plain)).toEqual({ code: "ExpiredTokenException", message: "too old" });
  expect(readServiceError(spaced)).toEqual({ code: "ExpiredTokenException", message: "too old" });
  expect(blamesIdentity(readServiceError(plain))).toBe(true);
});

test.each(["", "<html>502</html>", "null", "[1]", '"x"', "{", '{"__type":5,"message":{}}'])(
  "finds neither code nor message in %j",
  (body) => {
    expect(readServiceError(Buffer.from(body))).toEqual({ code: undefined, message: "" });
  },
);

test("the XML of the Query protocol is read too", () => {
  const xml =
    "<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>no &amp; no</Message></Error></ErrorResponse>";
  expect(readServiceError(Buffer.from(xml))).toEqual({ code: "NotFound", message: "no & no" });
  expect(readServiceError(Buffer.from("<html><body>502</body></html>"))).toEqual({ code: undefined, message: "" });
});
