/** An instant for a query's parameter: PostgreSQL refuses offsets of 16 hours and more, which RFC 3339 allows. */
export const instantOrNull = (text: string | undefined): Date | null => (text === undefined ? null : new Date(text));
