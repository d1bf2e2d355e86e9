import { randomBytes } from "node:crypto";
import type { TaskEventBody } from "../../contracts/task-event.ts";
import { type GitCommand, type GitDeps, git } from "./git-in-sandbox.ts";
import { RepositoryCheckoutFailedError, RepositoryUnreachableError } from "./repository-errors.ts";
import type { SafeFs } from "./safe-fs.ts";
import { BrokenRepositoryError, REMOTE_HEAD_REF, type TreeState, WorkingTree } from "./working-tree.ts";

export interface RepositoryWork {
  readonly git: GitDeps;
  readonly files: SafeFs;
  readonly workspaceId: string;
  readonly name: string;
  /** Checked by repositoryUrl. */
  readonly url: string;
  readonly ref: string | undefined;
  /** Another running task uses the working tree: it must not change. */
  readonly inUse: boolean;
  /** The task that used it last. */
  readonly leftBy: string;
}

export interface ReadyRepository {
  readonly action: "cloned" | "fetched";
  readonly commit: string;
  readonly warnings: TaskEventBody[];
}

/** All branches of the server, under their usual names whatever the clone's configuration says. */
const ALL_BRANCHES = "+refs/heads/*:refs/remotes/origin/*";
const REMOTE_HEAD = `+HEAD:${REMOTE_HEAD_REF}`;

/** The fetch is the second command: when that many have ended, and the last has failed, it was that one. */
const FETCH_POSITION = 2;

/** Clones or fetches, and checks out. The caller holds the repository's lock. */
export async function makeReady(work: RepositoryWork): Promise<ReadyRepository> {
  const { files, name } = work;
  const folder = `repos/${name}`;
  const present = await files.stat(folder).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === "FILE_NOT_FOUND") return undefined;
    throw error;
  });
  if (present === undefined) return clone(work, []);
  if (present.type !== "directory") return clone(work, [await moveAside(work, "is no folder")]);
  try {
    return await refresh(work, folder);
  } catch (error) {
    if (!(error instanceof BrokenRepositoryError)) throw error;
    // Another task works in it: to take it away would break that task too.
    if (work.inUse) throw new RepositoryCheckoutFailedError(name, error.message);
    return clone(work, [await moveAside(work, `cannot be used by git (${error.message})`)]);
  }
}

async function refresh(work: RepositoryWork, folder: string): Promise<ReadyRepository> {
  const tree = new WorkingTree({ ...work.git, files: work.files }, folder, work.url);
  try {
    return await fetchAndCheckOut(work, tree);
  } catch (error) {
    if (!(error instanceof BrokenRepositoryError) || work.inUse) throw error;
    // Most often a git that was killed in the middle: its lock files are in the way.
    await tree.removeStaleLocks().catch(() => undefined);
    return fetchAndCheckOut(work, tree);
  }
}

async function fetchAndCheckOut(work: RepositoryWork, tree: WorkingTree): Promise<ReadyRepository> {
  let state = await fetchAll(work, tree);
  if (work.ref === undefined && !state.knowsDefaultBranch) {
    // Fails for a repository without commits, which has no default branch yet.
    const setHead = { args: ["remote", "set-head", "origin", "--auto"], mayFail: true };
    const [, ...outputs] = await tree.run(setHead, ...WorkingTree.stateCommands(work.ref));
    state = WorkingTree.state(outputs);
  }
  const target = await tree.resolve(work.ref, state);
  if (work.inUse) {
    const warnings = state.head === target.commit ? [] : [inUseWarning(work, state.head)];
    return { action: "fetched", commit: state.head, warnings };
  }
  const kept = await tree.checkOut(target, state, `automatos/left-over-${work.leftBy}`);
  const warnings = kept.map((branch) => leftOverWarning(work, branch));
  return { action: "fetched", commit: target.commit, warnings };
}

async function fetchAll(work: RepositoryWork, tree: WorkingTree): Promise<TreeState> {
  // Which branch is the default one is another question to the server; which commit that is comes with the fetch.
  const withHead = work.ref === undefined ? [ALL_BRANCHES, REMOTE_HEAD] : [ALL_BRANCHES];
  let results = await tree.attemptAll(fetchCommands(work, withHead));
  const noHead = results.length === FETCH_POSITION && results.at(-1)?.says.includes("remote ref HEAD") === true;
  if (noHead) results = await tree.attemptAll(fetchCommands(work, [ALL_BRANCHES])); // nothing was ever pushed there
  const last = results.at(-1);
  if (last?.ok !== true) {
    if (results.length === FETCH_POSITION) await requireReachable(work);
    throw new BrokenRepositoryError(last?.says ?? "");
  }
  return WorkingTree.state(results.slice(FETCH_POSITION).map(({ stdout }) => stdout));
}

const fetchCommands = (work: RepositoryWork, refspecs: readonly string[]): GitCommand[] => [
  { args: ["config", "--replace-all", "remote.origin.url", work.url] },
  { args: ["fetch", "--prune", "--tags", "--force", "origin", ...refspecs] },
  ...WorkingTree.stateCommands(work.ref),
];

/** Into another name first: a clone that is there under its own name is whole. */
async function clone(work: RepositoryWork, warnings: TaskEventBody[]): Promise<ReadyRepository> {
  const { files, name, url } = work;
  await files.mkdirs("repos");
  const temporary = `repos/.clone-${randomBytes(6).toString("hex")}-${name}`;
  try {
    const cloned = await git(work.git, undefined, ["clone", "--no-checkout", "--origin=origin", "--", url, temporary]);
    if (!cloned.ok) throw new RepositoryUnreachableError(work.workspaceId, url, cloned.says);
    const tree = new WorkingTree({ ...work.git, files }, temporary, url);
    const target = await tree.resolve(
      work.ref,
      WorkingTree.state(await tree.run(...WorkingTree.stateCommands(work.ref))),
    );
    await tree.checkOutFirst(target);
    await files.move(temporary, `repos/${name}`);
    return { action: "cloned", commit: target.commit, warnings };
  } catch (error) {
    // A task that is stopped must end at once: what is left has a name that the next clean-up knows.
    if (!work.git.signal.aborted) await files.remove(temporary);
    if (error instanceof BrokenRepositoryError) throw new RepositoryCheckoutFailedError(name, error.message);
    throw error;
  }
}

/** Tells a server that cannot be reached from a clone that is broken. @throws RepositoryUnreachableError */
async function requireReachable(work: RepositoryWork): Promise<void> {
  const asked = await git(work.git, undefined, ["ls-remote", "--quiet", "--", work.url, "HEAD"]);
  if (!asked.ok) throw new RepositoryUnreachableError(work.workspaceId, work.url, asked.says);
}

/** Nothing is removed: there may be work in it that is nowhere else. */
async function moveAside(work: RepositoryWork, why: string): Promise<TaskEventBody> {
  const aside = `${work.name}.broken-${randomBytes(3).toString("hex")}`;
  await work.files.move(`repos/${work.name}`, `repos/${aside}`);
  return {
    type: "warning",
    code: "REPOSITORY_REPLACED",
    message: `repos/${work.name} ${why}; it is now repos/${aside}, and was cloned anew`,
    remedy: `Save what you need of it, then drop it with \`automatos workspace repos rm ${work.workspaceId} ${aside}\`.`,
  };
}

const leftOverWarning = ({ name }: RepositoryWork, branch: string): TaskEventBody => ({
  type: "warning",
  code: "REPOSITORY_LEFT_OVERS_KEPT",
  message: `repos/${name} held work of an earlier task that is on no branch of the server; it is kept on branch ${branch}`,
  remedy: `Look at it with \`git log -p ${branch}\`, and delete the branch when nobody needs it.`,
});

const inUseWarning = ({ name }: RepositoryWork, commit: string): TaskEventBody => ({
  type: "warning",
  code: "REPOSITORY_IN_USE",
  message: `repos/${name} is used by another running task; it was fetched, and its files stay at commit ${commit}`,
  remedy: "Make a working tree of your own with `git worktree add`, or run the tasks one after the other.",
});
