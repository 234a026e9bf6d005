/** An engine ends with it when another one has its directories: whoever wanted one waits for that. */
export const ANOTHER_SERVES = 3;
