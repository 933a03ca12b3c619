curl 'https://h/pg/refund' \
  -H 'content-type: application/json' \
  --data-raw $'{"a":"it\u0027s"}' --compressed
curl h/a -d @body.json && curl -u a:b --json '{"a":1}' h/pg/orders | jq .
