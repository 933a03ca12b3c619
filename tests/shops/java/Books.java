import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * The shop's books: every order and saved card, in a file that outlives the process. Each change is one line of JSON,
 * written before anything is done about it. The last line of an order counts. (A process that is killed loses nothing;
 * against a power cut a shop uses a database.)
 */
final class Books {
    private final Map<String, Order> orders = new ConcurrentHashMap<>();
    private final Map<String, String> byTxId = new ConcurrentHashMap<>();
    private final Map<String, String> bindings = new ConcurrentHashMap<>();
    private final BufferedWriter file;

    Books(Path path) throws IOException {
        String old = Files.exists(path) ? Files.readString(path) : "";
        // What comes after the last line break was never finished.
        old.substring(0, old.lastIndexOf('\n') + 1).lines().forEach(line -> take(Json.object(Json.parse(line))));
        // Written anew, so that the file does not grow for ever and ends with a whole line.
        Path fresh = path.resolveSibling(path.getFileName() + ".new");
        StringBuilder all = new StringBuilder();
        orders.values().forEach(order -> all.append(line(Map.of("order", order.toMap()))));
        bindings.forEach((clientId, bindingId) -> all.append(line(binding(clientId, bindingId))));
        Files.writeString(fresh, all);
        Files.move(fresh, path, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        file = Files.newBufferedWriter(path, StandardOpenOption.APPEND);
    }

    private void take(Map<String, Object> line) {
        if (line.get("order") != null) {
            put(Order.of(Json.object(line.get("order"))));
        } else if (line.get("bindingId") == null) {
            bindings.remove(Json.text(line, "clientId"));
        } else {
            bindings.put(Json.text(line, "clientId"), Json.text(line, "bindingId"));
        }
    }

    private void put(Order order) {
        orders.put(order.id, order);
        byTxId.put(order.txId, order.id);
    }

    private void write(Map<String, Object> line) {
        try {
            file.write(line(line));
            file.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String line(Map<String, Object> members) {
        return Json.write(members) + "\n";
    }

    private static Map<String, Object> binding(String clientId, String bindingId) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("clientId", clientId);
        line.put("bindingId", bindingId);
        return line;
    }

    synchronized void add(Order order) {
        write(Map.of("order", order.toMap()));
        put(order);
    }

    /** The order of that number, or null. Only `change` may change it. */
    Order get(String id) {
        return orders.get(id);
    }

    /** The number of the order that has, or had, this txId. */
    String find(String txId) {
        return byTxId.get(txId);
    }

    List<Order> all() {
        return List.copyOf(orders.values());
    }

    /** Changes an order and stores it. */
    synchronized void change(String id, Consumer<Order> change) {
        Order order = orders.get(id);
        change.accept(order);
        write(Map.of("order", order.toMap()));
        byTxId.put(order.txId, id);
    }

    String binding(String clientId) {
        return clientId == null ? null : bindings.get(clientId);
    }

    /** Remembers a client's saved card by its id, or forgets it when there is none. */
    synchronized void saveBinding(String clientId, String bindingId) {
        Map<String, Object> line = binding(clientId, bindingId);
        write(line);
        take(line);
    }
}
