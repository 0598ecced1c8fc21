/** Starts the documentation page. */

import { DocsPage } from './page';

document.body.append(new DocsPage());
