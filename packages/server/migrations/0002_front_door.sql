alter table tenants add column tier text not null default 'free' check (tier in ('free', 'pro', 'enterprise'));
