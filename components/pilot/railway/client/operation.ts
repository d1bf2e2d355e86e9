import { z } from "zod";

/**
 * A call of Railway's API: its document, and what its answer must be. Checked against the schema by
 * tests/components/pilot/railway/operations.test.ts.
 */
export interface Operation<Variables extends object, Answer> {
  /** As the document names it. */
  readonly name: string;
  readonly document: string;
  /**
   * `none`: a read. `repeatable`: doing it twice is doing it once. `once`: a second one would make a second thing, so
   * that it is never repeated blindly.
   */
  readonly effect: "none" | "repeatable" | "once";
  /** Whether it sends secrets: words of the server about it are not shown. */
  readonly confidential: boolean;
  readonly answer: z.ZodType<Answer>;
  /** Never there: carries the type. */
  readonly variables?: Variables;
}

/** Makes an operation whose answer's type comes from its schema. */
export const operation =
  <Variables extends object>() =>
  <Answer>(
    effect: Operation<Variables, Answer>["effect"],
    document: string,
    answer: z.ZodType<Answer>,
    { confidential = false } = {},
  ): Operation<Variables, Answer> => {
    const name = /^\s*(?:query|mutation)\s+(\w+)/.exec(document)?.[1];
    if (name === undefined) throw new Error("a document must name its operation");
    return { name, document, effect, confidential, answer };
  };

/** A page of a Relay connection. */
export interface Page<Node> {
  readonly nodes: readonly Node[];
  /** Undefined: it is the last one. */
  readonly next: string | undefined;
}

export const page = <Node>(node: z.ZodType<Node>): z.ZodType<Page<Node>> =>
  z
    .object({
      edges: z.array(z.object({ node })),
      pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullish() }),
    })
    .transform(({ edges, pageInfo }) => ({
      nodes: edges.map((edge) => edge.node),
      next: pageInfo.hasNextPage ? (pageInfo.endCursor ?? undefined) : undefined,
    }));

/** All nodes of a connection. */
export async function allOf<Node>(read: (after: string | undefined) => Promise<Page<Node>>): Promise<Node[]> {
  const nodes: Node[] = [];
  let after: string | undefined;
  do {
    const found = await read(after);
    nodes.push(...found.nodes);
    after = found.next;
  } while (after !== undefined);
  return nodes;
}
