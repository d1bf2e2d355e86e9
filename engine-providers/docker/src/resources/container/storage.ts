/** Volumes, mounts and uploaded files of a container. */
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { labelMap } from "../../labels.ts";
import type { ContainerInputs } from "./inputs.ts";

type Volumes = NonNullable<ContainerInputs["volumes"]>;
type Mounts = NonNullable<ContainerInputs["mounts"]>;
type Uploads = NonNullable<ContainerInputs["uploads"]>;

/** The three ways in which the daemon's API takes what the SDK calls volumes. */
export function volumesOf(volumes: Volumes) {
  const anonymous: Record<string, object> = {};
  const binds: string[] = [];
  const from: string[] = [];
  for (const volume of volumes) {
    const { containerPath = "", fromContainer, hostPath, volumeName, readOnly, selinuxRelabel } = volume;
    if (fromContainer) from.push(fromContainer);
    else if (hostPath || volumeName) {
      const mode = [readOnly ? "ro" : "rw", ...(selinuxRelabel ? [selinuxRelabel] : [])].join(",");
      binds.push(`${volumeName ?? hostPath ?? ""}:${containerPath}:${mode}`);
    } else anonymous[containerPath] = {};
  }
  return { anonymous, binds, from };
}

/** What is wrong with a volume of the inputs. */
export function volumeProblem({
  containerPath,
  fromContainer,
  hostPath,
  volumeName,
}: Volumes[number]): string | undefined {
  if (fromContainer) return undefined;
  if (!containerPath) return "needs a containerPath, or fromContainer";
  if (hostPath && volumeName) return "has both hostPath and volumeName; leave one out";
  if (hostPath && !/^(\/|[A-Za-z]:[\\/])/.test(hostPath)) {
    return `has the hostPath ${JSON.stringify(hostPath)}, which is not absolute; the daemon does not know the project's folder`;
  }
  return undefined;
}

export function mountsOf(mounts: Mounts) {
  return mounts.map(({ type, target, source, readOnly, bindOptions, volumeOptions, tmpfsOptions }) => {
    const { driverName, driverOptions } = volumeOptions ?? {};
    return {
      Type: type,
      Target: target,
      Source: source,
      ReadOnly: readOnly,
      BindOptions: type === "bind" && bindOptions ? { Propagation: bindOptions.propagation } : undefined,
      VolumeOptions:
        type === "volume" && volumeOptions
          ? {
              NoCopy: volumeOptions.noCopy,
              Labels: labelMap(volumeOptions.labels),
              DriverConfig: (driverName ?? driverOptions) ? { Name: driverName, Options: driverOptions } : undefined,
              Subpath: volumeOptions.subpath,
            }
          : undefined,
      TmpfsOptions:
        type === "tmpfs" && tmpfsOptions ? { SizeBytes: tmpfsOptions.sizeBytes, Mode: tmpfsOptions.mode } : undefined,
    };
  });
}

/** What is wrong with an upload of the inputs. */
export function uploadProblem({ file, content, contentBase64, source }: Uploads[number]): string | undefined {
  const given = [content, contentBase64, source].filter((value) => value !== undefined);
  if (given.length !== 1) return `of ${file} needs one of content, contentBase64 and source, and has ${given.length}`;
  return file.startsWith("/") ? undefined : `of ${JSON.stringify(file)} needs an absolute path in the container`;
}

/** A tar of the files, to be unpacked at the container's root. */
export async function archiveUploads(uploads: Uploads): Promise<Buffer> {
  const archive = pack();
  for (const { file, content, contentBase64, source, executable, permissions } of uploads) {
    const bytes =
      source !== undefined
        ? await readFile(source)
        : contentBase64 !== undefined
          ? Buffer.from(contentBase64, "base64")
          : Buffer.from(content ?? "");
    const mode = permissions !== undefined ? parseInt(permissions, 8) : executable ? 0o744 : 0o644;
    archive.entry({ name: file.replace(/^\/+/, ""), mode, mtime: new Date() }, bytes);
  }
  archive.finalize();
  return buffer(archive);
}
