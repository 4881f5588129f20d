package io.millrace.jobs.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The pods of a FlinkDeployment: what all have, and what a JobManager or TaskManager has besides.
 */
final class PodTemplates {
    private static final String MAIN = "flink-main-container";

    private final JsonNode all;
    private final JsonNode jobManager;
    private final JsonNode taskManager;

    PodTemplates(JsonNode spec) {
        all = spec.at("/podTemplate/spec");
        jobManager = spec.at("/jobManager/podTemplate/spec");
        taskManager = spec.at("/taskManager/podTemplate/spec");
    }

    private Map<String, JsonNode> volumes(JsonNode own) {
        Map<String, JsonNode> volumes = new HashMap<>();
        all.path("volumes").forEach(volume -> volumes.put(volume.path("name").asText(), volume));
        own.path("volumes").forEach(volume -> volumes.put(volume.path("name").asText(), volume));
        return volumes;
    }

    private List<JsonNode> containers(JsonNode own) {
        List<JsonNode> containers = new ArrayList<>();
        for (JsonNode pod : List.of(all, own)) {
            pod.path("containers").forEach(containers::add);
            pod.path("initContainers").forEach(containers::add);
        }
        return containers;
    }

    private List<JsonNode> mounts(JsonNode own) {
        return containers(own).stream()
                .flatMap(
                        each -> {
                            List<JsonNode> mounts = new ArrayList<>();
                            each.path("volumeMounts").forEach(mounts::add);
                            return mounts.stream();
                        })
                .toList();
    }

    void check(Overlay overlay, List<String> problems) {
        JsonNode pod = all.path("securityContext");
        if (!pod.path("runAsNonRoot").asBoolean()
                || !pod.at("/seccompProfile/type").asText().equals("RuntimeDefault")) {
            problems.add("The pods may run as root: " + pod);
        }
        for (JsonNode own : List.of(jobManager, taskManager)) {
            Map<String, JsonNode> volumes = volumes(own);
            Set<String> unused = new HashSet<>(volumes.keySet());
            for (JsonNode mount : mounts(own)) {
                String name = mount.path("name").asText();
                unused.remove(name);
                if (!volumes.containsKey(name)) {
                    problems.add("There is no volume " + name);
                }
            }
            if (!unused.isEmpty()) {
                problems.add("Nothing mounts " + unused);
            }
            volumes.values().forEach(volume -> source(volume, overlay, problems));
            own.path("containers").forEach(each -> main(each, problems));
            own.path("initContainers").forEach(each -> locked(each, problems));
        }
        all.path("containers").forEach(each -> main(each, problems));
        all.path("containers").forEach(each -> locked(each, problems));
    }

    private static void source(JsonNode volume, Overlay overlay, List<String> problems) {
        String map = volume.at("/configMap/name").asText("");
        if (!map.isEmpty() && overlay.get("ConfigMap", map).isMissingNode()) {
            problems.add("There is no ConfigMap " + map);
        }
        String claim = volume.at("/persistentVolumeClaim/claimName").asText("");
        if (!claim.isEmpty() && overlay.get("PersistentVolumeClaim", claim).isMissingNode()) {
            problems.add("There is no PersistentVolumeClaim " + claim);
        }
    }

    private static void main(JsonNode container, List<String> problems) {
        if (!container.path("name").asText().equals(MAIN)) {
            problems.add("Flink's container is " + MAIN + ", not " + container.path("name"));
        }
    }

    private static void locked(JsonNode container, List<String> problems) {
        JsonNode context = container.path("securityContext");
        if (!context.path("readOnlyRootFilesystem").asBoolean()
                || context.path("allowPrivilegeEscalation").asBoolean(true)
                || !context.at("/capabilities/drop/0").asText().equals("ALL")) {
            problems.add("A container is not locked: " + container.path("name"));
        }
    }

    private JsonNode volumeAt(String path) {
        return mounts(taskManager).stream()
                .filter(mount -> mount.path("mountPath").asText().equals(path))
                .map(mount -> volumes(taskManager).get(mount.path("name").asText()))
                .filter(volume -> volume != null)
                .findFirst()
                .orElse(all.path("none"));
    }

    /** The Secret that is mounted there; empty if there is none. */
    String secretAt(String path) {
        return volumeAt(path).at("/secret/secretName").asText();
    }

    /** The ConfigMap that is mounted there; empty if there is none. */
    String configMapAt(String path) {
        return volumeAt(path).at("/configMap/name").asText();
    }

    /** Whether a file of a Secret is there. */
    boolean secretFile(String folder, String file) {
        for (JsonNode item : volumeAt(folder).at("/secret/items")) {
            if (item.path("path").asText().equals(file) && item.path("key").asText().equals(file)) {
                return true;
            }
        }
        return false;
    }

    /** Whether a folder is on a volume of the TaskManagers. */
    boolean taskManagerHas(String folder) {
        return taskManager.path("containers").findValues("mountPath").stream()
                .anyMatch(mount -> folder.startsWith(mount.asText() + "/"));
    }

    /** Number of a port by its name; empty if there is none. */
    String port(String name) {
        for (JsonNode port : all.at("/containers/0/ports")) {
            if (port.path("name").asText().equals(name)) {
                return port.path("containerPort").asText();
            }
        }
        return "";
    }
}
