"""What ``python -m experiments.serve --help`` prints around the configuration."""

HELP = """Tetriplan: serve diffusion requests with deadlines to real clients, over HTTP as OpenAI's API has it.

  python -m experiments.serve                                 8 x H100 without a GPU: steps take what the profile says
  python -m experiments.serve serve.admission=refuse          429 for deadlines that cannot be promised
  python -m experiments.serve solver=edf engine.speed=10      another planner; the cluster is ten times as fast as the clock
  python -m experiments.serve engine=distributed              real workers and a real, small FLUX (extra "executor")

Then, from another terminal, a picture that is wanted within three seconds:

  curl -s http://127.0.0.1:8000/v1/images/generations -H 'Content-Type: application/json' \\
       -d '{"prompt": "a lighthouse", "size": "1024x1024", "slo_ms": 3000}' -o picture.json -D -

and http://127.0.0.1:8000/ shows what the planner does. Deadlines: slo_ms or deadline (Unix seconds) in the body, the headers
x-slo-ms or x-slo-ttft-ms, a tier, or else serve.slo_scale times the target of its size. docs/serve.md has the rest.

Groups (choose with group=choice), as of experiments.run, which explains them:

$APP_CONFIG_GROUPS
  serve      host, port, api_key (asked for as a bearer token), admission (all, promise, refuse), grace (seconds to finish
             when it is told to stop), sizes=[640x960] (served beside the customary ones), steps (of a request that does not
             say), slo_scale, deadlines, tiers=[{name: premium, weight: 10, deadline: 1.0}], resume=true (go on in
             the directory of a server that was killed), and limits: most_waiting, most_steps, most_images, most_prompt,
             most_body.

Also: seed=N, output=DIRECTORY (journal, tables, pictures and a trace of the session), overwrite=true.
Every field and its value, as your command line sets it:

$CONFIG
"""
