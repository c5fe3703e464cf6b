/** A body that breaks other collectors, and what has to become of it. */
export interface HostileBody {
  readonly name: string;
  /** @param id unique; for those that are to be kept */
  readonly body: (id: string) => string | Buffer;
  /** `kept`: acknowledged, and stored with this `data`, byte for byte. `refused`: 4xx, and nothing stored. */
  readonly fate: { readonly kind: "refused" } | { readonly kind: "kept"; readonly data: string };
}

const deep = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;

/** Valid JSON whose bytes do not survive being parsed and printed again. */
const DATA: Readonly<Record<string, string>> = {
  "big integers": '{"a":12345678901234567890,"b":-9007199254740993,"c":340282366920938463463374607431768211456}',
  "duplicate keys": '{"same":1,"same":2,"same":{"same":3}}',
  "numbers in other spellings": "[1.0,1.0e2,1E+2,-0,0.10,100000000000000000000000.0]",
  "numbers no double can hold": "[1e400,-1e400,1e-400,0.1000000000000000055511151231257827]",
  "keys that mean something in JavaScript":
    '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":null}',
  "escapes that need not be": '{"\\u0061":"\\u017c\\u00f3\\/\\u0022","z":"\\u0000\\u001f\\u2028\\ud83d\\ude00"}',
  "spaces and tabs": '{ "a" :\t[ 1 ,  2 ] , "b" : { } }',
  "empty and odd keys": '{"":0," ":1,"a.b":2,"$where":3,"0":4,"-1":5,"10":6,"9":7}',
  "text of many scripts": '"zażółć gęślą jaźń 🤷🏽‍♀️ مرحبا ‮ txt"',
  "what looks like a log line": '"x\\n{\\"level\\":50,\\"msg\\":\\"forged\\"}\\r\\n\\u001b[31mred"',
  "paths and markup": `"../../etc/passwd <script>alert(1)</script> '; DROP TABLE events; --"`,
  "deep nesting within the limit": deep(30),
};

const REFUSED: Readonly<Record<string, string | Buffer>> = {
  "[5]": "[5]",
  "a number": "5",
  null: "null",
  "a text": '"hello"',
  "[[event]]": '[[{"type":"test.hostile"}]]',
  "an event without a type": "{}",
  "a type that is no text": '{"type":{"$ne":null}}',
  "cut off": '{"type":"test.hostile","data":{"a":',
  "two events without a line between": '{"type":"test.hostile"}{"type":"test.hostile"}',
  NaN: '{"type":"test.hostile","data":NaN}',
  "a number with a leading zero": '{"type":"test.hostile","data":0123}',
  "single quotes": "{'type':'test.hostile'}",
  "a bare control character": '{"type":"test.hostile","data":"a\u0001b"}',
  "bytes that are not UTF-8": Buffer.from('{"type":"test.hostile","data":"\u00ff\u00fe"}', "latin1"),
  "an overlong encoding": Buffer.from('{"type":"test.hostile","data":"\u00c0\u00af"}', "latin1"),
  "nested 100,000 deep": `{"type":"test.hostile","data":${deep(100_000)}}`,
  "100,000 members": `{"type":"test.hostile","data":[${"0,".repeat(100_000)}0]}`,
  "bytes that are no text at all": Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0xff, 0xff, 0x00, 0x00]),
};

export const HOSTILE_BODIES: readonly HostileBody[] = [
  ...Object.entries(DATA).map(([name, data]): HostileBody => ({
    name,
    body: (id) => `{"id":"${id}","type":"test.hostile","data":${data}}`,
    fate: { kind: "kept", data },
  })),
  ...Object.entries(REFUSED).map(([name, body]): HostileBody => ({
    name,
    body: () => body,
    fate: { kind: "refused" },
  })),
];
