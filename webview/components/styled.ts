import { noChange } from 'lit';
import { Directive, directive, type ElementPart } from 'lit/directive.js';

type Styles = Readonly<Record<string, string>>;

/** Sets CSS properties of an element through its object model. The page's policy forbids style attributes. */
class StyledDirective extends Directive {
  override render(_styles: Styles): unknown {
    return noChange;
  }

  override update({ element }: ElementPart, [styles]: [Styles]): unknown {
    for (const [name, value] of Object.entries(styles)) {
      (element as HTMLElement).style.setProperty(name, value);
    }
    return noChange;
  }
}

export const styled = directive(StyledDirective);
