// The errors of the CRM's API, with types.

/** An invalid value of a 422: where it is (`["body", "email"]`, in an array `["body", 3, "email"]`), and why. */
export type Problem = { type: string; loc: (string | number)[]; msg: string; input: unknown };

/** A request that the server refused. `detail` is a sentence, or of a 422 the list of problems. */
export class CrmError extends Error {
  readonly status: number;
  readonly detail: string | Problem[];
  readonly headers: Headers;

  constructor(status: number, detail: string | Problem[], headers: Headers) {
    const lines = typeof detail === "string" ? [detail] : detail.map((one) => `${fieldOf(one)}: ${textOf(one)}`);
    super(lines.join("\n"));
    this.name = "CrmError";
    this.status = status;
    this.detail = detail;
    this.headers = headers;
  }

  /** The message of each field, for a form: `{ email: "…" }`; of the rows of an array `{ "3.email": "…" }`. */
  get fields(): Record<string, string> {
    const problems = typeof this.detail === "string" ? [] : this.detail;
    return Object.fromEntries(problems.map((problem) => [fieldOf(problem), textOf(problem)]));
  }

  static async of(reply: Response): Promise<CrmError> {
    const body = (await reply.json().catch(() => null)) as { detail?: string | Problem[] } | null;
    return new CrmError(reply.status, body?.detail ?? reply.statusText, reply.headers);
  }
}

function fieldOf({ loc }: Problem): string {
  return loc.slice(1).join(".");
}

function textOf({ msg }: Problem): string {
  return msg.replace(/^Value error, /, "");
}
