import type { SchemaFile } from "./schema-files.ts";
import { preferredVersion } from "./schema-version.ts";
import { docComment } from "./type-comment.ts";
import { type NameOf, propertyName, typeOfSchema } from "./type-of-schema.ts";

const HEADER = `// Made from the JSON Schemas of events by \`millrace schema types\`. Changes here are lost: change the schemas.
`;

/** A schema that others refer to, on its way to become a type of its own. */
interface NamedSchema {
  readonly name: string;
  readonly schema: object;
  /** Begins the names of what it refers to within its document. */
  readonly prefix: string;
}

/**
 * A TypeScript file with `MillraceEvents`, which maps each event type to its data. A type with several versions has
 * the one that applies to events that name none. The same schemas give the same text.
 *
 * @param files of schemas that `compileSchemas` has compiled, so that it is known where their references lead
 */
export function schemaTypes(files: readonly SchemaFile[]): string {
  const byType = Map.groupBy(files, (file) => file.type);
  const types = [...byType.keys()].filter((type) => type !== undefined).toSorted();
  const named = new NamedSchemas();
  const members = types.map((type) => {
    const document = preferredVersion(byType.get(type) ?? [])?.document;
    const data = typeOfSchema(document, named.namerFor(pascalCase(type)), "  ");
    return `${docComment(document, "  ")}  ${propertyName(type)}: ${data};\n`;
  });
  const events = `/** The data of each event type. */\nexport interface MillraceEvents {\n${members.join("\n")}}\n`;
  return [HEADER, events, ...named.declarations()].join("\n");
}

/** What is referred to: each schema has one name, however many refer to it. */
class NamedSchemas {
  readonly #bySchema = new Map<object, NamedSchema>();
  readonly #names = new Set(["MillraceEvents", "ReadonlyArray"]);

  namerFor(prefix: string): NameOf {
    return (schema, reference) => {
      const known = this.#bySchema.get(schema);
      if (known !== undefined) return known.name;
      const [file = "", fragment = ""] = reference.split("#");
      const own = file === "" ? prefix : pascalCase(file.slice(file.lastIndexOf("/") + 1).replace(/\.json$/, ""));
      const name = this.#free(own + pascalCase(fragment.slice(fragment.lastIndexOf("/") + 1)));
      this.#bySchema.set(schema, { name, schema, prefix: own });
      return name;
    };
  }

  /** In the order in which they were referred to. Those that others of them refer to are found on the way. */
  declarations(): string[] {
    const texts: string[] = [];
    for (const { name, schema, prefix } of this.#bySchema.values()) {
      texts.push(`${docComment(schema, "")}export type ${name} = ${typeOfSchema(schema, this.namerFor(prefix))};\n`);
    }
    return texts;
  }

  #free(wanted: string): string {
    const stem = wanted === "" ? "Schema" : wanted;
    let name = stem;
    for (let number = 2; this.#names.has(name); number++) name = `${stem}_${number}`;
    this.#names.add(name);
    return name;
  }
}

/** `checkout.paid` → `CheckoutPaid`. Empty when it has no letters that a name may have. */
function pascalCase(text: string): string {
  const words = text.match(/[A-Za-z0-9]+/g) ?? [];
  const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return /^[A-Z]/.test(joined) || joined === "" ? joined : `Schema${joined}`;
}
