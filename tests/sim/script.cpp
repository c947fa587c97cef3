#include "script.hpp"

namespace pgballast::sim {
namespace {

struct author {
    chance& dice;
    const habits& of;
    unsigned next_row = of.first_row;
    unsigned next_transaction = 1;

    std::string insert() { return "insert into t values (" + std::to_string(next_row++) + ")"; }

    std::string read() {
        static constexpr const char* reads[] = {"show TimeZone", "show application_name",
                                                "show work_mem", "rows 3", "select 1"};
        return reads[dice.below(5)];
    }

    std::string set() {
        static constexpr const char* zones[] = {"UTC", "CET", "Asia/Tokyo"};
        return std::string{"set TimeZone='"} + zones[dice.below(3)] + "'";
    }

    std::string name() { return "s" + std::to_string(dice.below(3)); }
    std::string text() { return "mine " + std::to_string(next_row++); }

    std::string prepared_by_sql() {
        const auto kind = dice.below(10);
        if (kind < 4)
            return "prepare " + name() + " as " + text();
        if (kind < 8)
            return "execute " + name();
        return kind < 9 ? "deallocate " + name() : "deallocate all";
    }

    std::string prepared() {
        const auto kind = dice.below(10);
        if (kind < 4)
            return "parse " + name() + " " + text();
        if (kind < 7)
            return "bind " + name();
        return (kind < 8 ? "describe " : "close ") + name();
    }

    request copy() {
        request one{{"copy"}, dice.per_mille(500)};
        one.synced = !one.extended || dice.per_mille(500);
        for (auto rows = dice.below(4) + 1; rows != 0; --rows)
            one.copied.push_back(std::to_string(next_row++));
        if (dice.per_mille(200))
            one.copied.push_back("bad");
        return one;
    }

    request any() {
        if (dice.per_mille(100))
            return copy();
        request one{{}, dice.per_mille(500)};
        if (dice.per_mille(150)) {  // alone: its end reports what it has set
            one.statements.push_back(set());
            return one;
        }
        if (of.discards && dice.per_mille(50)) {
            one.statements.push_back("discard all");
            return one;
        }
        for (auto left = dice.per_mille(700) ? 1 : dice.below(3) + 1; left != 0; --left) {
            if (of.prepares && dice.per_mille(500)) {
                const bool by_message = one.extended && dice.per_mille(700);
                one.statements.push_back(by_message ? prepared() : prepared_by_sql());
                continue;
            }
            const auto kind = dice.below(20);
            one.statements.push_back(kind < 11 ? insert() : kind < 18 ? read() : "fail");
        }
        return one;
    }

    void transaction(std::vector<group>& script) {
        const auto number = next_transaction++;
        const auto add = [&](request one) { script.push_back({{std::move(one)}, number}); };
        add({{"begin"}, dice.per_mille(500)});
        for (auto requests = dice.below(4); requests != 0; --requests)
            add(any());
        add({{dice.per_mille(800) ? "commit" : "rollback"}, dice.per_mille(500)});
    }
};

}  // namespace

std::vector<group> make_script(chance dice, const habits& of) {
    author one{dice, of};
    std::vector<group> script;
    while (script.size() < of.length) {
        if (dice.per_mille(250)) {
            one.transaction(script);
            continue;
        }
        group next;
        for (auto requests = of.pipelines ? dice.below(4) + 1 : 1; requests != 0; --requests) {
            auto request = one.any();
            while (of.pipelines && !request.copied.empty())  // COPY data answers a reply
                request = one.any();
            next.requests.push_back(std::move(request));
        }
        script.push_back(std::move(next));
    }
    for (unsigned number = 0; auto& part : script)
        for (auto& request : part.requests)
            request.number = number++;
    return script;
}

}  // namespace pgballast::sim
