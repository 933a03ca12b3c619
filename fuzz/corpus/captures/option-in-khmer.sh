curl -ក x -sd '{"a":1}' h/pg/orders
