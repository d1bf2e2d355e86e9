export interface ArchiveMember {
  /** With slashes. */
  name: string;
  content: Buffer;
}
