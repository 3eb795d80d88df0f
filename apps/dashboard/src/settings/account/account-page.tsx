import { usePageTitle } from '../../layout/page-title.ts';
import { LoginsSection } from './logins-section.tsx';
import { PasswordSection } from './password-section.tsx';
import { ProfileSection } from './profile-section.tsx';
import { TwoFactorSection } from './two-factor-section.tsx';

/** What concerns the person who is logged in, whatever the team. */
export default function AccountPage() {
  usePageTitle('Account');
  return (
    <>
      <ProfileSection />
      <PasswordSection />
      <TwoFactorSection />
      <LoginsSection />
    </>
  );
}
