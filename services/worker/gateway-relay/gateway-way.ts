/** How this worker's sandboxes reach the gateway: always a Unix socket. */
export interface GatewayWay {
  readonly socketPath: string;
  start(): Promise<void>;
  /** @throws while nothing can come this way. */
  check(): void;
  close(): Promise<void>;
}
