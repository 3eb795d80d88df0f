import { ErrorNotice, Loading } from '../../component/notice.tsx';
import { usePageTitle } from '../../layout/page-title.ts';
import { manages } from '../../lib/role.ts';
import { useTeam } from '../use-team.ts';
import { InvitationsSection } from './invitations-section.tsx';
import { MembersSection } from './members-section.tsx';
import { NameSection } from './name-section.tsx';
import { TeamsSection } from './teams-section.tsx';

/** Who is in the team, and which team it is. */
export default function TeamPage() {
  usePageTitle('Team');
  const team = useTeam();
  if (team.isError) return <ErrorNotice error={team.error} onRetry={() => void team.refetch()} />;
  if (team.isPending) return <Loading />;
  const isManager = manages(team.data.role);
  return (
    <>
      <MembersSection team={team.data} />
      {isManager && <InvitationsSection team={team.data} />}
      {isManager && <NameSection team={team.data} />}
      <TeamsSection />
    </>
  );
}
