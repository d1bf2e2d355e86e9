import type Docker from "dockerode";

/** Makes an image of a root file system's tar. @returns its id, `sha256:...` */
export async function importRoot(docker: Docker, tar: NodeJS.ReadableStream, name: string): Promise<string> {
  const [repo, tag] = name.split(":");
  const output = await docker.importImage(tar, { repo, tag, changes: [`CMD ["sh"]`] });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(output, (error: Error | null) => (error ? reject(error) : resolve()));
  });
  return (await docker.getImage(name).inspect()).Id;
}
