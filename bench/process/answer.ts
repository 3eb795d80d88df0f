/** What the fake model says, token by token. */
export const ANSWER = Array.from({ length: 20 }, (_, index) => `token${index} `);
