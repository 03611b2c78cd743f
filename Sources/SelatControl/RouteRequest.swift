import Hummingbird
package import SelatCore

/// Which ways an operator asks for.
package struct RouteRequest: Hashable, Sendable {
    package let to: NodeID
    package let label: Label

    package init(to: NodeID, label: Label) {
        self.to = to
        self.label = label
    }

    package var json: JSON { ["to": .string(to.text), "label": label.json] }

    /// - Throws: `CoreError` for anything but the document of API.md.
    package init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "route request")
        to = try reader.node("to")
        label = try Label(json: try reader.json("label"))
        try reader.end()
    }
}
