export type Env = Readonly<Record<string, string | undefined>>;

/** The text of one scalar after its variables were filled in. */
export interface Substitution {
  readonly text: string;
  /** Names of the variables the text refers to. Their values may be secrets. */
  readonly variables: readonly string[];
  /** True when the text was a single `${NAME}` and nothing else. */
  readonly whole: boolean;
  /** In words, one for each reference that could not be filled in. */
  readonly problems: readonly string[];
  /** Variables that are set but empty and have no default: seldom meant. */
  readonly empty: readonly string[];
}

// In order: the escape `$${`, a reference, and a `${` that is neither.
const REFERENCE = /\$\$\{|\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}|\$\{/g;

/**
 * Fills in `${NAME}` and `${NAME:-default}`; as in a shell, the default also stands in
 * for an empty variable. `$${` stands for `${`. What a variable holds is never looked
 * at again, so it cannot refer to another.
 */
export function substituteEnv(text: string, env: Env): Substitution {
  const variables: string[] = [];
  const problems: string[] = [];
  const empty: string[] = [];
  let whole = false;
  const filled = text.replace(REFERENCE, (match, name: string | undefined, fallback: string | undefined) => {
    if (match === "$${") return "${";
    if (name === undefined) {
      problems.push("`${` begins a variable such as ${NAME} or ${NAME:-default}; write `$${` for the two characters");
      return match;
    }
    variables.push(name);
    whole = match.length === text.length;
    const value = env[name];
    if (fallback !== undefined) return value === undefined || value === "" ? fallback : value;
    if (value === undefined) {
      problems.push(`the environment variable ${name} is not set; set it, or give a default: \${${name}:-default}`);
      return match;
    }
    if (value === "") empty.push(name);
    return value;
  });
  return { text: filled, variables, whole, problems, empty };
}
