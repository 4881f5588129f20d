package io.millrace.gpu;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectPackage;
import static org.junit.platform.launcher.TagFilter.includeTags;

import java.io.PrintWriter;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/**
 * Runs all tests that need a GPU, for a machine that has one but no Maven: a program over the test
 * class path. Its status is 0 only if tests ran, and none of them failed or needs another machine.
 */
public final class GpuTests {
    private GpuTests() {}

    /** Tells each test as it ends: a GPU that hangs shall not hide which one it was. */
    private static final class PrintingListener implements TestExecutionListener {
        @Override
        public void executionSkipped(TestIdentifier test, String reason) {
            System.out.println("SKIPPED    " + test.getLegacyReportingName() + ' ' + reason);
        }

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            if (test.isTest() || result.getStatus() != TestExecutionResult.Status.SUCCESSFUL) {
                System.out.println(
                        "%-10s %s %s"
                                .formatted(
                                        result.getStatus(),
                                        test.getLegacyReportingName(),
                                        result.getThrowable()
                                                .map(Throwable::getMessage)
                                                .orElse("")));
            }
        }
    }

    /** Arguments: names of classes, or of methods (class#method), to be run; all without any. */
    public static void main(String[] args) {
        LauncherDiscoveryRequestBuilder builder =
                LauncherDiscoveryRequestBuilder.request().filters(includeTags("gpu"));
        if (args.length == 0) {
            builder.selectors(selectPackage(GpuTests.class.getPackageName()));
        }
        for (String name : args) {
            builder.selectors(name.contains("#") ? selectMethod(name) : selectClass(name));
        }
        LauncherDiscoveryRequest request = builder.build();
        SummaryGeneratingListener listener = new SummaryGeneratingListener();
        LauncherFactory.create().execute(request, listener, new PrintingListener());
        TestExecutionSummary summary = listener.getSummary();
        summary.printTo(new PrintWriter(System.out));
        summary.printFailuresTo(new PrintWriter(System.out), 12);
        boolean good =
                summary.getTestsSucceededCount() > 0
                        && summary.getTotalFailureCount() == 0
                        && summary.getContainersSkippedCount() == 0;
        System.exit(good ? 0 : 1);
    }
}
