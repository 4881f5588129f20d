package io.millrace.jobs.cli.config;

import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/** Reads a YAML file of options: one mapping from names to values. */
final class ConfigFile {
    private final Path path;

    ConfigFile(Path path) {
        this.path = path;
    }

    /**
     * One option of the file.
     *
     * @param name the key
     * @param values a scalar's text, the texts of a list, or {@code KEY=VALUE} of a mapping
     * @param kind what stands in the file
     * @param line of the key, counted from 1
     */
    record Entry(String name, List<String> values, Kind kind, int line) {}

    /** Kind of a value. */
    enum Kind {
        SCALAR,
        LIST,
        MAPPING
    }

    /** A file that cannot be read as options; the message names file and line. */
    static final class InvalidConfigException extends Exception {
        private static final long serialVersionUID = 1L;

        InvalidConfigException(String message) {
            super(message);
        }
    }

    /** The options, in the file's order. */
    List<Entry> read() throws InvalidConfigException {
        Node root;
        try {
            LoadSettings settings =
                    LoadSettings.builder().setLabel(path.toString()).setUseMarks(true).build();
            root = new Compose(settings).composeString(text()).orElse(null);
        } catch (MarkedYamlEngineException e) {
            int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1);
            throw new InvalidConfigException(at(line) + "this is not YAML: " + e.getProblem());
        } catch (YamlEngineException e) {
            throw new InvalidConfigException(path + " is not YAML: " + e.getMessage());
        }
        if (root == null || Tag.NULL.equals(root.getTag())) {
            return List.of();
        }
        if (!(root instanceof MappingNode mapping)) {
            throw new InvalidConfigException(
                    at(line(root)) + "give options as lines of the form NAME: VALUE.");
        }
        List<Entry> entries = new ArrayList<>();
        for (NodeTuple tuple : mapping.getValue()) {
            String name = scalar(tuple.getKeyNode(), "an option's name");
            entries.add(entry(name, tuple.getValueNode(), line(tuple.getKeyNode())));
        }
        return entries;
    }

    /** The beginning of a message about a line. */
    String at(int line) {
        return path + ", line " + line + ": ";
    }

    private Entry entry(String name, Node value, int line) throws InvalidConfigException {
        List<String> values = new ArrayList<>();
        if (value instanceof SequenceNode sequence) {
            for (Node each : sequence.getValue()) {
                values.add(scalar(each, "an element of " + name));
            }
            return new Entry(name, values, Kind.LIST, line);
        }
        if (value instanceof MappingNode mapping) {
            for (NodeTuple tuple : mapping.getValue()) {
                String key = scalar(tuple.getKeyNode(), "a key of " + name);
                values.add(key + "=" + scalar(tuple.getValueNode(), name + ": " + key));
            }
            return new Entry(name, values, Kind.MAPPING, line);
        }
        values.add(scalar(value, name));
        return new Entry(name, values, Kind.SCALAR, line);
    }

    private String scalar(Node node, String what) throws InvalidConfigException {
        if (!(node instanceof ScalarNode scalar)) {
            throw new InvalidConfigException(
                    at(line(node)) + what + " is a list or mapping: give one value.");
        }
        if (Tag.NULL.equals(node.getTag())) {
            throw new InvalidConfigException(
                    at(line(node)) + what + " has no value: give one, or leave the line out.");
        }
        return scalar.getValue();
    }

    private static int line(Node node) {
        return node.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
    }

    private String text() throws InvalidConfigException {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(path);
        } catch (NoSuchFileException e) {
            throw new InvalidConfigException(
                    ConfigArgument.NAME + ": there is no file " + path + ".");
        } catch (IOException e) {
            throw new InvalidConfigException(
                    ConfigArgument.NAME + ": " + path + " cannot be read: " + e);
        }
        String text = Text.decode(bytes, 0, bytes.length);
        if (text == null) {
            throw new InvalidConfigException(
                    "%s: %s is not UTF-8 at byte %d."
                            .formatted(ConfigArgument.NAME, path, Text.firstInvalid(bytes)));
        }
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }
}
