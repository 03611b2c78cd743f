import Testing

@testable import SelatService

@Suite struct ExpositionTests {
    @Test func familiesAreWrittenAsPrometheusReadsThem() {
        let families = [
            MetricFamily("selat_up", .gauge, "Whether it serves.", 1),
            MetricFamily(
                "selat_transfers_total", .counter, "By state.",
                [
                    .init(["state": "delivered", "direction": "out"], 12_345_678_901),
                    .init(["state": "cancelled", "direction": "out"], 0.5),
                ]),
            MetricFamily("selat_none", .gauge, "Nobody.", [MetricFamily.Sample]()),
        ]
        #expect(
            Exposition.text(families) == """
                # HELP selat_up Whether it serves.
                # TYPE selat_up gauge
                selat_up 1
                # HELP selat_transfers_total By state.
                # TYPE selat_transfers_total counter
                selat_transfers_total{direction="out",state="cancelled"} 0.5
                selat_transfers_total{direction="out",state="delivered"} 12345678901

                """)
    }

    /// A word of somebody else's must not become a line or a label.
    @Test func foreignWordsAreEscaped() {
        let family = MetricFamily(
            "a", .gauge, "one\ntwo \\ \"three\"", [.init(["b": "\"} 1\na{b=\"\\"], 2)])
        #expect(
            Exposition.text([family])
                == "# HELP a one\\ntwo \\\\ \"three\"\n# TYPE a gauge\n"
                + "a{b=\"\\\"} 1\\na{b=\\\"\\\\\"} 2\n")
    }

    @Test(arguments: [
        (Double.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (0, "0"), (-1, "-1"),
        (1e300, "1e+300"), (1.25, "1.25"),
    ])
    func numbersAreThoseOfGo(_ value: Double, _ text: String) {
        #expect(
            Exposition.text([MetricFamily("a", .gauge, "b", value)])
                == "# HELP a b\n# TYPE a gauge\na \(text)\n")
    }
}
