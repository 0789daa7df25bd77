/** What the browser shows: everything that comes from the stack is put in as text. */
export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>shop</title>
<style>
  body { font: 1rem system-ui; margin: 2rem; }
  #events { font-family: monospace; max-height: 24rem; overflow: auto; }
</style>
<h1>shop: <span id="health">unknown</span></h1>
<form id="deploy"><input name="version" value="1" aria-label="version"> <button>Deploy</button> <output id="answer"></output></form>
<ul id="resources"></ul>
<h2>What happens</h2>
<ol id="events"></ol>
<script>
  const $ = (id) => document.getElementById(id);
  const item = (text) => Object.assign(document.createElement('li'), { textContent: text });

  async function showStatus() {
    const { healthy, resources } = await (await fetch('status')).json();
    $('health').textContent = healthy ? 'healthy' : 'not healthy';
    $('resources').replaceChildren(...resources.map((each) =>
      item(each.resource + ': ' + each.healthy + ' of ' + each.desired + ' healthy ' + each.endpoints.join(' '))));
  }

  $('deploy').addEventListener('submit', async (submit) => {
    submit.preventDefault();
    $('answer').textContent = 'deploying';
    const version = new FormData(submit.target).get('version');
    const response = await fetch('deploy', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ version }),
    });
    $('answer').textContent = (await response.json()).answer;
  });

  // The browser comes back by itself where the connection breaks, and says which event it had last.
  const events = new EventSource('events');
  const told = ({ data }) => {
    const { seq, type, container, resource, stack } = JSON.parse(data);
    const line = $('events').appendChild(item(type + ' ' + (container ?? resource ?? stack)));
    line.dataset.seq = seq;
    line.scrollIntoView({ block: 'nearest' });
    showStatus();
  };
  fetch('event-names').then((names) => names.json()).then((names) => {
    for (const name of names) events.addEventListener(name, told);
  });
  showStatus();
</script>
</html>
`;
