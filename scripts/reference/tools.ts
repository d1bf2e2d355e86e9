import { ToolName, TOOLS } from "../../contracts/tools.ts";
import { ALLOWED_PROGRAMS, LINE_PROGRAMS } from "../../services/sandbox/tools/command-rules.ts";
import { cell, table } from "./schema-table.ts";

/** The catalogue, each tool's input, and the programs of `execute_command`, as parts of a page. */
export function describeTools(): string[] {
  return [
    [
      "| tool | runs at | level | what it does |",
      "|---|---|---|---|",
      ...ToolName.options.map((name) => {
        const { side, level, description } = TOOLS[name];
        return `| [\`${name}\`](#${name}) | ${side === "api" ? "API" : "worker"} | ${level} | ${cell(description)} |`;
      }),
    ].join("\n"),
    ...ToolName.options.flatMap((name) => [`## \`${name}\``, table(TOOLS[name].input)]),
    "## Programs that `execute_command` starts",
    "Hygiene, not a boundary: most of them can start any other ([decision 6](../decisions/0006-command-list-is-not-a-boundary.md)).",
    [...ALLOWED_PROGRAMS].map((program) => `\`${program}\``).join(", "),
    `In a command line also: ${[...LINE_PROGRAMS].map((program) => `\`${program}\``).join(", ")}.`,
  ];
}
