/** Six digits, spaced or not, are the app's; anything else is taken for a backup code. */
export function readCode(text: string): { code: string } | { backup_code: string } {
  const digits = text.replaceAll(/\s/g, '');
  return /^\d{6}$/.test(digits) ? { code: digits } : { backup_code: text.trim() };
}
