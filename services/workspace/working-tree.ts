import { type GitCommand, type GitDeps, git, gitInTurn, type GitResult } from "./git-in-sandbox.ts";
import { RepositoryRefNotFoundError } from "./repository-errors.ts";
import type { SafeFs } from "./safe-fs.ts";

/** git cannot do its work in this clone; the caller repairs it or makes another. */
export class BrokenRepositoryError extends Error {}

/** What a `ref` means in a clone. `branch` is undefined for a tag or commit: those are checked out detached. */
export interface CheckoutTarget {
  readonly commit: string;
  readonly branch: string | undefined;
}

/** A repository without any commit has this one, as git itself writes it. */
export const NO_COMMIT = "0".repeat(40);

/** What leads to here stays: it is on the server, or was kept before. */
const KEEPERS = ["refs/remotes", "refs/tags", "refs/heads/automatos"];

/** The commit that the server's HEAD was at when it was fetched last. */
export const REMOTE_HEAD_REF = "refs/automatos/remote-head";

/** How git writes that there is no commit yet. */
const UNBORN = "(initial)";

/** Where a tree stands. */
export interface TreeState {
  /** By their full name: those that `ref` could mean, and the local branch. */
  readonly refs: ReadonlyMap<string, { readonly commit: string; readonly symref: string }>;
  /** The branch that was the server's default when it was asked last is still at the commit of its HEAD. */
  readonly knowsDefaultBranch: boolean;
  /** Something that stays leads to the head. */
  readonly headIsKept: boolean;
  /** NO_COMMIT before the first. */
  readonly head: string;
  readonly branch: string | undefined;
  /** Something was changed or added that is not ignored. */
  readonly dirty: boolean;
}

/** State of a merge, rebase or the like that somebody began: removed once the changes are safe. */
const UNFINISHED_WORK = [
  ...["rebase-merge", "rebase-apply", "sequencer", "BISECT_LOG", "BISECT_START"],
  ...["MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "CHERRY_PICK_HEAD", "REVERT_HEAD"],
];

/** The working tree of a clone below `repos/`. Whoever uses it holds the repository's lock. */
export class WorkingTree {
  readonly #deps: GitDeps;
  readonly #files: SafeFs;
  readonly #folder: string;
  readonly #url: string;

  constructor(
    deps: GitDeps & { readonly files: SafeFs },
    /** Relative to the workspace. */
    folder: string,
    url: string,
  ) {
    this.#deps = deps;
    this.#files = deps.files;
    this.#folder = folder;
    this.#url = url;
  }

  /** Commands that read where the tree stands; `state` reads their output. */
  static stateCommands(ref: string | undefined): GitCommand[] {
    const format = "--format=%(refname) %(objectname) %(*objectname) %(symref)";
    const { name, branchRef, tagRef } = candidates(ref);
    const localRef = name === undefined ? "refs/heads" : `refs/heads/${name}`;
    return [
      { args: ["for-each-ref", format, branchRef, tagRef, localRef, REMOTE_HEAD_REF] },
      // Fails before the first commit.
      { args: ["for-each-ref", "--count=1", "--contains=HEAD", ...KEEPERS], mayFail: true },
      { args: ["status", "--porcelain=v2", "--branch", "-z"] },
    ];
  }

  /** @param outputs Of `stateCommands`. */
  static state([refs = "", headKeeper = "", status = ""]: readonly string[]): TreeState {
    const lines = status.split("\0");
    const header = (name: string) => lines.find((line) => line.startsWith(`# ${name} `))?.slice(name.length + 3);
    const oid = header("branch.oid") ?? UNBORN;
    const byName = new Map(refs.split("\n").map(parseRef));
    const defaultBranch = byName.get("refs/remotes/origin/HEAD")?.commit;
    return {
      refs: byName,
      knowsDefaultBranch: defaultBranch !== undefined && defaultBranch === byName.get(REMOTE_HEAD_REF)?.commit,
      headIsKept: headKeeper.trim() !== "",
      head: oid === UNBORN ? NO_COMMIT : oid,
      branch: header("branch.head"),
      dirty: lines.some((line) => line !== "" && !line.startsWith("#")),
    };
  }

  attempt(...args: string[]): Promise<GitResult> {
    return git(this.#deps, this.#folder, args);
  }

  attemptAll(commands: readonly GitCommand[]): Promise<GitResult[]> {
    return gitInTurn(this.#deps, this.#folder, commands);
  }

  /** @returns What each printed. @throws BrokenRepositoryError when one fails that must not. */
  async run(...commands: GitCommand[]): Promise<string[]> {
    const results = await this.attemptAll(commands);
    const last = results.at(-1);
    if (last?.ok !== true && commands[results.length - 1]?.mayFail !== true) {
      throw new BrokenRepositoryError(last?.says ?? "");
    }
    return results.map(({ ok, stdout }) => (ok ? stdout.trim() : ""));
  }

  /** @throws RepositoryRefNotFoundError, BrokenRepositoryError */
  async resolve(ref: string | undefined, state: TreeState): Promise<CheckoutTarget> {
    const { name, branchRef, tagRef } = candidates(ref);
    const { refs } = state;
    const branch = refs.get(branchRef);
    if (branch !== undefined) {
      return { commit: branch.commit, branch: name ?? branch.symref.replace(/^refs\/remotes\/origin\//, "") };
    }
    const tag = refs.get(tagRef);
    if (tag !== undefined) return { commit: tag.commit, branch: undefined };
    if (ref !== undefined && /^[0-9a-f]{7,64}$/i.test(ref))
      return { commit: await this.#commit(ref), branch: undefined };
    const [anyBranch] = await this.run({ args: ["for-each-ref", "--count=1", "refs/remotes/origin"] });
    if (ref === undefined && anyBranch === "") return { commit: NO_COMMIT, branch: undefined };
    throw new RepositoryRefNotFoundError(this.#url, ref);
  }

  /** A commit that no branch leads to is fetched by its own name, where the server allows that. */
  async #commit(hash: string): Promise<string> {
    const find = () => this.attempt("rev-parse", "--verify", "--quiet", `${hash}^{commit}`);
    let found = await find();
    if (!found.ok && /^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(hash)) {
      await this.attempt("fetch", "origin", hash);
      found = await find();
    }
    if (!found.ok) throw new RepositoryRefNotFoundError(this.#url, hash);
    return found.stdout.trim();
  }

  /** The first check-out of a clone that was made without one. @throws BrokenRepositoryError */
  async checkOutFirst(target: CheckoutTarget): Promise<void> {
    if (target.commit !== NO_COMMIT) await this.run(checkoutCommand(target));
  }

  /**
   * Brings the tree to `target`. What an earlier task left (changes, new files, commits that are on no branch of the
   * server) is first kept on a branch of its own. Ignored files stay: they are installed packages and build caches.
   *
   * @param keepAs The branch for left-overs; a number is added when there is more than one.
   * @returns The branches made.
   * @throws BrokenRepositoryError
   */
  async checkOut(target: CheckoutTarget, state: TreeState, keepAs: string): Promise<string[]> {
    const { head, branch, dirty } = state;
    if (target.commit === NO_COMMIT) return [];
    if (head === target.commit && branch === (target.branch ?? "(detached)") && !dirty) return [];

    const local = target.branch === undefined ? undefined : state.refs.get(`refs/heads/${target.branch}`)?.commit;
    const loose = dirty ? [await this.#commitAll(head)] : state.headIsKept ? [] : [head];
    if (local !== undefined && local !== head) loose.push(local);
    const kept = await this.#keep(loose, keepAs);
    if (dirty) for (const name of UNFINISHED_WORK) await this.#removeState(name);
    await this.run(checkoutCommand(target), ...(dirty ? [{ args: ["clean", "--force", "-d", "--quiet"] }] : []));
    return kept;
  }

  /** Everything that is not ignored, as a commit on top of `head`; no branch moves. */
  async #commitAll(head: string): Promise<string> {
    const [, tree = ""] = await this.run({ args: ["add", "--all"] }, { args: ["write-tree"] });
    const parent = head === NO_COMMIT ? [] : ["-p", head];
    const message = "changes that an earlier task left uncommitted";
    const [commit = ""] = await this.run({ args: ["commit-tree", tree, ...parent, "-m", message] });
    return commit;
  }

  /** Those of the commits that nothing else keeps get a branch. */
  async #keep(commits: readonly string[], keepAs: string): Promise<string[]> {
    const candidates = [...new Set(commits)].filter((commit) => commit !== NO_COMMIT);
    if (candidates.length === 0) return [];
    const [taken = "", ...keepers] = await this.run(
      { args: ["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/automatos"] },
      ...candidates.map((commit) => ({ args: ["for-each-ref", "--count=1", `--contains=${commit}`, ...KEEPERS] })),
    );
    const names = freeNames(keepAs, new Set(taken.split("\n")));
    const kept = candidates
      .filter((_commit, index) => keepers[index] === "")
      .map((commit) => ({ commit, branch: names.next().value }));
    // The last argument: only if there is none of that name yet.
    const updates = kept.map(({ commit, branch }) => ({
      args: ["update-ref", `refs/heads/${branch}`, commit, "0".repeat(commit.length)],
    }));
    if (updates.length > 0) await this.run(...updates);
    return kept.map(({ branch }) => branch);
  }

  async #removeState(name: string): Promise<void> {
    // Where `.git` is no folder (a linked work tree) there is nothing to remove here.
    await this.#files.remove(`${this.#folder}/.git/${name}`).catch(() => undefined);
  }

  /** Removes locks of a git that was killed. Only for a clone that nobody else uses. */
  async removeStaleLocks(): Promise<void> {
    for await (const { path, type } of this.#files.walk(`${this.#folder}/.git`)) {
      if (type === "file" && (path.endsWith(".lock") || /\/objects\/(pack\/)?tmp_[^/]*$/.test(path))) {
        await this.#files.remove(path);
      }
    }
  }
}

/** A line of `for-each-ref` in the format above. An annotated tag stands for its commit. */
function parseRef(line: string): [string, { commit: string; symref: string }] {
  const [name = "", object = "", peeled = "", symref = ""] = line.split(" ");
  return [name, { commit: peeled || object, symref }];
}

/** `name`, `name-2`, `name-3` and so on, without those that are taken. */
function* freeNames(name: string, taken: ReadonlySet<string>): Generator<string, never> {
  for (let number = 1; ; number += 1) {
    const free = number === 1 ? name : `${name}-${number}`;
    if (!taken.has(free)) yield free;
  }
}

/** What a `ref` can mean, in order: the server's branch, a tag. Undefined is the server's default branch. */
function candidates(ref: string | undefined) {
  const name = ref?.replace(/^refs\/heads\//, "");
  return {
    name,
    branchRef: `refs/remotes/origin/${name ?? "HEAD"}`,
    tagRef: name?.startsWith("refs/tags/") ? name : `refs/tags/${name ?? ""}`,
  };
}

function checkoutCommand({ commit, branch }: CheckoutTarget): GitCommand {
  const what = branch === undefined ? ["--detach", commit] : ["-B", branch, "--track", `refs/remotes/origin/${branch}`];
  return { args: ["checkout", "--force", "--ignore-other-worktrees", ...what, "--"] };
}
