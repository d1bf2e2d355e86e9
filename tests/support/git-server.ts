export * from "../../demo/git-server.ts";
