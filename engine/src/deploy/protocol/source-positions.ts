/** Where in the program resources are made, as the state records it: `project:///index.ts#12,3`. */
import { randomUUID } from "node:crypto";
import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { SourcePosition, StackTrace } from "@pulumi/pulumi/proto/source_pb.js";

interface HasPosition {
  getSourceposition: () => SourcePosition | undefined;
  getStacktrace: () => StackTrace | undefined;
  getParentstacktracehandle: () => string;
}

export interface Origin {
  sourcePosition: string;
  /** From the innermost call; "" for a frame without a position. */
  stackTrace: readonly string[];
}

export class SourcePositions {
  readonly #projectDir: string;
  /** Stacks of the calls that other processes work on now, by the handles that were given to them. */
  readonly #handles = new Map<string, readonly string[]>();

  constructor(projectDir: string) {
    this.#projectDir = projectDir;
  }

  origin(request: HasPosition): Origin {
    const frames = request.getStacktrace()?.getFramesList() ?? [];
    const parents = this.#handles.get(request.getParentstacktracehandle()) ?? [];
    return {
      sourcePosition: this.#describe(request.getSourceposition()),
      stackTrace: [...parents, ...frames.map((frame) => this.#describe(frame.getPc()))],
    };
  }

  /** Gives `work` a handle by which what another process registers is known to come from this request. */
  async handingOn<Result>(request: HasPosition, work: (handle: string) => Promise<Result>): Promise<Result> {
    const handle = randomUUID();
    this.#handles.set(handle, this.origin(request).stackTrace);
    try {
      return await work(handle);
    } finally {
      this.#handles.delete(handle);
    }
  }

  #describe(position: SourcePosition | undefined): string {
    if (!position?.getUri().startsWith("file:")) return "";
    try {
      // Of an ES module the SDK takes the URL for a path: file:///folder/file:/the/module.ts
      const uri = position.getUri().replace(/^file:.*\/file:\/+/, "file:///");
      const path = encodeURI(relative(this.#projectDir, fileURLToPath(uri)).split(sep).join("/"));
      const column = position.getColumn() === 0 ? "" : `,${position.getColumn()}`;
      return `project:///${path.replaceAll(/[?#]/g, encodeURIComponent)}#${position.getLine()}${column}`;
    } catch {
      return "";
    }
  }
}
