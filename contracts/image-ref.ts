import { z } from "zod";

/** `repository[:tag][@sha256:digest]`, a registry's host and port included. */
export const imageRef = z
  .string()
  .regex(/^[a-z0-9][A-Za-z0-9._/:-]{0,254}(@sha256:[0-9a-f]{64})?$/, "is no image reference");

/** Whether a reference names its content: production's do, as a tag may mean another image from one build to the next. */
export const isPinned = (ref: string): boolean => /^[^@\s]+@sha256:[0-9a-f]{64}$/.test(ref);
