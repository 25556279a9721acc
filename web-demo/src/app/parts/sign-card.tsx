// The card that the forms of an account stand in.

import type { ComponentChildren } from 'preact';
import { Header } from './header';
import { useTitle } from './title';

interface CardProps {
  title: string;
  text?: string;
  refusal: string | undefined;
  children: ComponentChildren;
}

export function Card({ title, text, refusal, children }: CardProps) {
  useTitle(title);
  return (
    <>
      <Header />
      <main class="entry" id="main">
        <section class="card entry-card">
          <h1 tabIndex={-1}>{title}</h1>
          {text !== undefined && <p class="quiet">{text}</p>}
          {refusal !== undefined && (
            <p class="banner banner-bad" role="alert" data-testid="sign-refused">
              {refusal}
            </p>
          )}
          {children}
        </section>
      </main>
    </>
  );
}
