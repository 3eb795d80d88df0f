import { Moon, Sun } from 'lucide-react';
import { Button } from '../component/button.tsx';
import { toggleTheme, useTheme } from './theme.ts';

export function ThemeToggle() {
  const dark = useTheme() === 'dark';
  const label = dark ? 'Use light colours' : 'Use dark colours';
  return (
    <Button variant="ghost" size="icon" aria-label={label} title={`${label} (t)`} onClick={toggleTheme}>
      {dark ? <Sun aria-hidden="true" /> : <Moon aria-hidden="true" />}
    </Button>
  );
}
