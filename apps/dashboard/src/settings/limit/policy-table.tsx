import type { RateLimits, RatePolicy } from '@holdfast/protocol';
import { useLogin } from '../../auth/session.tsx';
import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { countedBy, formatAllowance, isOfTeams } from './describe.ts';
import { LiveUsage } from './usage-meter.tsx';

interface PolicyTableProps {
  limits: RateLimits;
  /** Whose use is shown where keys and users are counted. */
  subject: string;
  now: number;
  onLookUp: (policy: RatePolicy) => void;
  onOverride: (policy: RatePolicy) => void;
}

/** Every policy with its numbers for this team, and what is used now. */
export function PolicyTable(props: PolicyTableProps) {
  const { policies, is_operator } = props.limits;
  const groups = [
    { title: 'This team', policies: policies.filter(isOfTeams) },
    { title: 'The whole installation', policies: policies.filter((policy) => !isOfTeams(policy)) },
  ];
  return groups.map(({ title, policies: some }) => (
    <div
      key={title}
      role="region"
      aria-label={`Policies: ${title}`}
      tabIndex={0}
      className="overflow-x-auto rounded-lg border bg-card"
    >
      <table className="w-full min-w-2xl text-left">
        <caption className="px-4 pt-3 pb-1 text-left text-xs font-medium text-muted-foreground">
          {title}
        </caption>
        <thead className="text-xs text-muted-foreground">
          <tr>
            {['Policy', 'Limit', 'Used now', 'Actions'].map((name) => (
              <th key={name} scope="col" className="px-4 py-1.5 font-medium">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y">
          {some.map((policy) => (
            <PolicyRow
              key={policy.policy}
              {...props}
              policy={policy}
              mayChange={is_operator || isOfTeams(policy)}
            />
          ))}
        </tbody>
      </table>
    </div>
  ));
}

function PolicyRow(props: PolicyTableProps & { policy: RatePolicy; mayChange: boolean }) {
  const { policy, subject, now, mayChange } = props;
  const { tenantId } = useLogin();
  const changed = formatAllowance(policy.allowance) !== formatAllowance(policy.tier_allowance);
  return (
    <tr className="align-top">
      <th scope="row" className="px-4 py-2.5 font-normal">
        <span className="font-mono text-xs font-medium">{policy.policy}</span>
        <span className="block max-w-80 text-xs text-muted-foreground">
          {policy.description} By {countedBy(policy)}.
          {policy.on_failure === 'closed' && ' Refused while it cannot be counted.'}
        </span>
      </th>
      <td className="px-4 py-2.5 text-xs">
        {formatAllowance(policy.allowance)}
        {changed && (
          <span className="mt-1 block text-muted-foreground">
            <Badge tone="info">override</Badge> instead of {formatAllowance(policy.tier_allowance)}
          </span>
        )}
      </td>
      <td className="px-4 py-2.5">
        {isOfTeams(policy) ? (
          <LiveUsage
            counted={{
              policy: policy.policy,
              subject: policy.subject === 'tenant' ? `tenant:${tenantId}` : subject,
            }}
            now={now}
          />
        ) : (
          <span className="text-xs text-muted-foreground">{mayChange ? 'look somebody up' : '—'}</span>
        )}
      </td>
      <td className="px-4 py-2 whitespace-nowrap">
        {mayChange && (
          <>
            <Button
              size="small"
              variant="ghost"
              aria-label={`Look up who uses ${policy.policy}`}
              onClick={() => props.onLookUp(policy)}
            >
              Look up
            </Button>
            <Button
              size="small"
              variant="ghost"
              aria-label={`Override ${policy.policy}`}
              onClick={() => props.onOverride(policy)}
            >
              Override
            </Button>
          </>
        )}
      </td>
    </tr>
  );
}
