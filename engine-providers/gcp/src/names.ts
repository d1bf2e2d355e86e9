/** How resources of Google Cloud are called, with the marks of a rehearsal. */
import { createHash } from "node:crypto";

/** In front of every project's name: `rehearsed-acme` is what `acme` is in the pretended cloud. */
const MARK = "rehearsed-";
/** Google's own number of a project is never this. */
export const PROJECT_NUMBER = "000000000000";
const LONGEST_PROJECT = 30;

/** The project's name in ids, links and e-mail addresses: valid still, and marked once. */
export function markedProject(project: string): string {
  if (project.startsWith(MARK)) return project;
  const marked = `${MARK}${project}`;
  if (marked.length <= LONGEST_PROJECT) return marked;
  const digest = createHash("sha256").update(project).digest("hex").slice(0, 6);
  return `${marked.slice(0, LONGEST_PROJECT - digest.length - 1).replace(/-+$/, "")}-${digest}`;
}

/** A link of the Compute API, to a host that cannot be (RFC 6761). */
export function computeLink(path: string): string {
  return `https://www.googleapis.rehearsal.invalid/compute/v1/${path}`;
}

/** The one spelling of all by which a resource is named: a link's path, with the project marked. */
export function normalise(handle: string): string {
  const path = handle.replace(/^https?:\/\/[^/]+\//, "").replace(/^(compute\/|storage\/)?(v\d\w*|beta)\//, "");
  return path
    .replace(new RegExp(`^projects/${PROJECT_NUMBER}/`), "projects/*/")
    .replace(/^projects\/([^/*]+)/, (_whole, project: string) => `projects/${markedProject(project)}`)
    .replace(/@([^.@]+)\.iam\.gserviceaccount\.com$/, (_whole, project: string) => {
      return `@${markedProject(project)}.iam.gserviceaccount.com`;
    });
}

/** The last part of a link or path. */
export function lastPart(link: string): string {
  return link.slice(link.lastIndexOf("/") + 1);
}
