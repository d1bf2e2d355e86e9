import { type GitDeps, git, type GitResult } from "./git-in-sandbox.ts";
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

  /** @throws BrokenRepositoryError */
  async run(...args: string[]): Promise<string> {
    const result = await this.attempt(...args);
    if (!result.ok) throw new BrokenRepositoryError(result.says);
    return result.stdout.trim();
  }

  attempt(...args: string[]): Promise<GitResult> {
    return git(this.#deps, this.#folder, args);
  }

  /** @throws RepositoryRefNotFoundError, BrokenRepositoryError */
  async resolve(ref: string | undefined): Promise<CheckoutTarget> {
    const name = ref?.replace(/^refs\/heads\//, "");
    const branchRef = `refs/remotes/origin/${name ?? "HEAD"}`;
    const tagRef = name?.startsWith("refs/tags/") ? name : `refs/tags/${name ?? ""}`;
    const format = "--format=%(refname) %(objectname) %(*objectname) %(symref)";
    const refs = new Map(
      (await this.run("for-each-ref", format, branchRef, tagRef)).split("\n").map((line) => {
        const [refname = "", object = "", peeled = "", symref = ""] = line.split(" ");
        return [refname, { commit: peeled || object, symref }] as const;
      }),
    );
    const branch = refs.get(branchRef);
    if (branch !== undefined) {
      return { commit: branch.commit, branch: name ?? branch.symref.replace(/^refs\/remotes\/origin\//, "") };
    }
    const tag = refs.get(tagRef);
    if (tag !== undefined) return { commit: tag.commit, branch: undefined };
    if (ref !== undefined && /^[0-9a-f]{7,64}$/i.test(ref))
      return { commit: await this.#commit(ref), branch: undefined };
    if (ref === undefined && (await this.run("for-each-ref", "--count=1", "refs/remotes/origin")) === "") {
      return { commit: NO_COMMIT, branch: undefined };
    }
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

  async head(): Promise<string> {
    const head = await this.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}");
    return head.ok ? head.stdout.trim() : NO_COMMIT;
  }

  /**
   * Brings the tree to `target`. What an earlier task left (changes, new files, commits that are on no branch of the
   * server) is first kept on a branch of its own. Ignored files stay: they are installed packages and build caches.
   *
   * @param keepAs The branch for left-overs; a number is added when there is more than one.
   * @returns The branches made.
   * @throws BrokenRepositoryError
   */
  async checkOut(target: CheckoutTarget, keepAs: string): Promise<string[]> {
    if (target.commit === NO_COMMIT) return [];
    const status = (await this.run("status", "--porcelain=v2", "--branch", "-z")).split("\0");
    const header = (name: string) => status.find((line) => line.startsWith(`# ${name} `))?.slice(name.length + 3);
    const head = header("branch.oid") ?? "(initial)";
    const dirty = status.some((line) => line !== "" && !line.startsWith("#"));
    const isThere = head === target.commit && header("branch.head") === (target.branch ?? "(detached)");
    if (isThere && !dirty) return [];

    const loose = [dirty ? await this.#commitAll(head) : head, await this.#localBranch(target.branch)];
    const kept = await this.#keep(loose, keepAs);
    if (dirty) for (const name of UNFINISHED_WORK) await this.#removeState(name);
    const how = target.branch === undefined ? ["--detach", target.commit] : ["-B", target.branch];
    const from = target.branch === undefined ? [] : ["--track", `refs/remotes/origin/${target.branch}`];
    await this.run("checkout", "--force", "--ignore-other-worktrees", ...how, ...from, "--");
    if (dirty) await this.run("clean", "--force", "-d", "--quiet");
    return kept;
  }

  /** Everything that is not ignored, as a commit on top of `head`; no branch moves. */
  async #commitAll(head: string): Promise<string> {
    await this.run("add", "--all");
    const tree = await this.run("write-tree");
    const parent = head === "(initial)" ? [] : ["-p", head];
    return this.run("commit-tree", tree, ...parent, "-m", "changes that an earlier task left uncommitted");
  }

  async #localBranch(branch: string | undefined): Promise<string> {
    if (branch === undefined) return "(initial)";
    const found = await this.attempt("rev-parse", "--verify", "--quiet", `refs/heads/${branch}^{commit}`);
    return found.ok ? found.stdout.trim() : "(initial)";
  }

  async #keep(commits: readonly string[], keepAs: string): Promise<string[]> {
    const kept: string[] = [];
    for (const commit of new Set(commits)) {
      if (commit === "(initial)") continue;
      const places = ["refs/remotes", "refs/tags", "refs/heads/automatos"];
      if ((await this.run("for-each-ref", "--count=1", `--contains=${commit}`, ...places)) !== "") continue;
      const branch = kept.length === 0 ? keepAs : `${keepAs}-${kept.length + 1}`;
      await this.run("update-ref", `refs/heads/${branch}`, commit);
      kept.push(branch);
    }
    return kept;
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
