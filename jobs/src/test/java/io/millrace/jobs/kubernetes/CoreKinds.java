package io.millrace.jobs.kubernetes;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import io.fabric8.openshift.api.model.monitoring.v1.PodMonitor;
import io.fabric8.openshift.api.model.monitoring.v1.PrometheusRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Kubernetes' own kinds and those of the Prometheus operator, by the classes that a client of Java
 * has for them.
 */
final class CoreKinds {
    private static final Map<String, Class<?>> CLASSES =
            Map.of(
                    "v1 ConfigMap", ConfigMap.class,
                    "v1 PersistentVolumeClaim", PersistentVolumeClaim.class,
                    "v1 ServiceAccount", ServiceAccount.class,
                    "rbac.authorization.k8s.io/v1 Role", Role.class,
                    "rbac.authorization.k8s.io/v1 RoleBinding", RoleBinding.class,
                    "networking.k8s.io/v1 NetworkPolicy", NetworkPolicy.class,
                    "policy/v1 PodDisruptionBudget", PodDisruptionBudget.class,
                    "monitoring.coreos.com/v1 PodMonitor", PodMonitor.class,
                    "monitoring.coreos.com/v1 PrometheusRule", PrometheusRule.class);

    /** Values that the classes take as text, and an API server does not. */
    private static final Map<String, Set<String>> ENUMERATIONS =
            Map.of(
                    "policyTypes", Set.of("Ingress", "Egress"),
                    "protocol", Set.of("TCP", "UDP"),
                    "accessModes", Set.of("ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"));

    private final ObjectMapper strict =
            new ObjectMapper()
                    .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .setAnnotationIntrospector(
                            new JacksonAnnotationIntrospector() {
                                @Override
                                public Boolean hasAnySetter(Annotated annotated) {
                                    // The classes collect unknown fields in maps.
                                    return false;
                                }
                            });

    private static String key(JsonNode object) {
        return object.path("apiVersion").asText() + " " + object.path("kind").asText();
    }

    boolean knows(JsonNode object) {
        return CLASSES.containsKey(key(object));
    }

    /** What is wrong with an object of a known kind. */
    List<String> problems(JsonNode object) {
        List<String> problems = new ArrayList<>();
        if (object.at("/metadata/name").asText().isEmpty()) {
            problems.add(key(object) + " has no name");
        }
        try {
            strict.treeToValue(object, CLASSES.get(key(object)));
        } catch (JsonProcessingException e) {
            problems.add(e.getOriginalMessage());
        }
        enumerations(object, problems);
        return problems;
    }

    private static void enumerations(JsonNode node, List<String> problems) {
        node.fields()
                .forEachRemaining(
                        field -> {
                            Set<String> known = ENUMERATIONS.get(field.getKey());
                            Iterable<JsonNode> values =
                                    field.getValue().isArray()
                                            ? field.getValue()
                                            : List.of(field.getValue());
                            for (JsonNode value : values) {
                                if (known != null && !known.contains(value.asText())) {
                                    problems.add(field.getKey() + " is " + value);
                                }
                            }
                        });
        node.forEach(each -> enumerations(each, problems));
    }
}
