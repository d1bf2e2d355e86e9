/** A model that the gateway offers. */
export interface ModelInfo {
  /** The name by which tasks ask for it. */
  readonly id: string;
  /** Tokens that question and answer may have together. */
  readonly contextWindow: number;
  readonly maxOutputTokens: number;
}
