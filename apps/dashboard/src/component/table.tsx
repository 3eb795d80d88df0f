import type { ReactNode } from 'react';
import { cn } from '../lib/class-names.ts';

interface TableProps {
  /** Accessible name. */
  label: string;
  /** Headings of the columns; an empty one is that of the actions. */
  columns: readonly string[];
  /** Of `Row`. */
  children: ReactNode;
}

/** A list with several facts on each line; on narrow screens it is moved sideways. */
export function Table({ label, columns, children }: TableProps) {
  return (
    <div className="overflow-x-auto">
      <table aria-label={label} className="w-full text-left text-sm">
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th
                key={column || index}
                scope="col"
                className="pr-4 pb-2 text-xs font-medium whitespace-nowrap text-muted-foreground"
              >
                {column === '' ? <span className="sr-only">Actions</span> : column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Row({ children }: { children: ReactNode }) {
  return <tr className="border-t">{children}</tr>;
}

export function Cell({ children, className }: { children?: ReactNode; className?: string }) {
  return <td className={cn('py-2 pr-4 align-middle', className)}>{children}</td>;
}
