create table visits (
  id text primary key,
  visitor text not null,
  worker text not null
);
