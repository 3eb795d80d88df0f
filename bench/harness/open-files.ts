/** How many files and sockets a process may have open; the processes it starts may have as many. */
export function openFiles(): number {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits?: { open_files?: { soft: number | 'unlimited' } };
  };
  const limit = userLimits?.open_files?.soft ?? 1024;
  return limit === 'unlimited' ? Infinity : Number(limit);
}
