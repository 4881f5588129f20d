package io.millrace.jobs.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The objects of a rendered overlay.
 *
 * @param name folder below {@code k8s/overlays}
 */
record Overlay(String name, List<ObjectNode> objects) {
    static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

    /** Splits what kustomize printed. */
    static Overlay of(String name, String yaml) throws IOException {
        List<ObjectNode> objects = new ArrayList<>();
        try (var documents = YAML.readerFor(JsonNode.class).<JsonNode>readValues(yaml)) {
            while (documents.hasNext()) {
                objects.add((ObjectNode) documents.next());
            }
        }
        return new Overlay(name, objects);
    }

    static Overlay render(Kubectl kubectl, Path root, String name) throws Exception {
        return of(name, kubectl.kustomize(root.resolve("k8s/overlays").resolve(name)));
    }

    Overlay copy() {
        return new Overlay(
                name, new ArrayList<>(objects.stream().map(ObjectNode::deepCopy).toList()));
    }

    Stream<ObjectNode> of(String kind) {
        return objects.stream().filter(object -> object.path("kind").asText().equals(kind));
    }

    /** The object; a missing node if there is none. */
    JsonNode get(String kind, String name) {
        return of(kind).filter(object -> object.at("/metadata/name").asText().equals(name))
                .map(JsonNode.class::cast)
                .findFirst()
                .orElse(YAML.missingNode());
    }

    /** The one object of its kind. */
    ObjectNode only(String kind) {
        List<ObjectNode> found = of(kind).toList();
        if (found.size() != 1) {
            throw new AssertionError(name + " has " + found.size() + " objects of kind " + kind);
        }
        return found.get(0);
    }
}
