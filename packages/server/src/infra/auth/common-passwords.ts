const SHORTEST = 8;

let loading: Promise<ReadonlySet<string>> | null = null;

/** Those long enough to get past the length rule. Loaded at the first new password: it costs some megabytes. */
async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  const list = dictionary['passwords-common'] as readonly string[];
  return new Set(list.filter((password) => password.length >= SHORTEST).map(fold));
}

const fold = (password: string): string => password.toLowerCase();

/** Whether it is among the 49,000 passwords met most in leaks, or one of them in other case. */
export async function isCommonPassword(password: string): Promise<boolean> {
  loading ??= load();
  return (await loading).has(fold(password));
}
