package io.millrace.jobs.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Rights of a Kafka user, each as one line of text. */
final class KafkaRights {
    private KafkaRights() {}

    /** The table of {@code docs/running.md}, for these names. */
    static Set<String> documented(
            Path root, List<String> inputs, List<String> outputs, String application)
            throws IOException {
        String page = Files.readString(root.resolve("docs/running.md"));
        String table =
                page.substring(
                        page.indexOf("<!-- acls:begin -->"), page.indexOf("<!-- acls:end -->"));
        Set<String> rights = new TreeSet<>();
        table.lines()
                .filter(line -> line.startsWith("|"))
                // The heading and the line below it.
                .skip(2)
                .map(line -> line.split("\\|"))
                .forEach(
                        cells -> {
                            for (String operation : cells[2].split(",")) {
                                for (String resource :
                                        resources(cells[1].strip(), inputs, outputs, application)) {
                                    rights.add(operation.strip() + " " + resource);
                                }
                            }
                        });
        return rights;
    }

    private static List<String> resources(
            String row, List<String> inputs, List<String> outputs, String application) {
        if (row.startsWith("input topics")) {
            return inputs.stream().map(name -> "topic literal " + name).toList();
        }
        if (row.startsWith("output and dead-letter topic")) {
            return outputs.stream().map(name -> "topic literal " + name).toList();
        }
        if (row.startsWith("group")) {
            return List.of("group literal " + application);
        }
        if (row.startsWith("transactional ids")) {
            return List.of("transactionalId prefix " + application + ".");
        }
        throw new AssertionError("Which resource is '" + row + "'?");
    }

    /** Those of a KafkaUser. */
    static Set<String> of(JsonNode user) {
        Set<String> rights = new TreeSet<>();
        for (JsonNode rule : user.at("/spec/authorization/acls")) {
            JsonNode resource = rule.path("resource");
            for (JsonNode operation : rule.path("operations")) {
                rights.add(
                        String.join(
                                " ",
                                operation.asText(),
                                resource.path("type").asText(),
                                resource.path("patternType").asText("literal"),
                                resource.path("name").asText()));
            }
        }
        return rights;
    }
}
