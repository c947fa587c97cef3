#include "pgballast/sql/read_only.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "pure_functions.hpp"
#include "tree.hpp"

namespace pgballast::sql {
namespace {

namespace json = boost::json;

template <typename... Names>
consteval auto names_of(const Names&... names) {
    return std::array{std::string_view{names}...};
}

/// Types of nodes that do nothing by themselves, of PostgreSQL's nodes/parsenodes.h and
/// nodes/primnodes.h. Whatever is not here ends the walk, and so does a member that is not
/// in one of the next two lists: IntoClause, LockingClause, InsertStmt, RangeTableSample, XmlExpr …
constexpr auto harmless_nodes =
    names_of("A_ArrayExpr", "A_Const", "A_Expr", "A_Indices", "A_Indirection", "BooleanTest",
             "BoolExpr", "CaseExpr", "CaseWhen", "CoalesceExpr", "CollateClause", "ColumnDef",
             "ColumnRef", "CommonTableExpr", "FuncCall", "GroupingFunc", "GroupingSet", "JoinExpr",
             "List", "MinMaxExpr", "NamedArgExpr", "NullTest", "ParamRef", "RangeFunction",
             "RangeSubselect", "RangeVar", "ResTarget", "RowExpr", "SelectStmt", "SortBy",
             "SQLValueFunction", "SubLink", "TypeCast", "TypeName", "WindowDef");

/// Members that hold further nodes.
constexpr auto walked_members = names_of(
    "agg_filter", "agg_order", "arg", "args", "coldeflist", "content", "ctequery", "defresult",
    "distinctClause", "elements", "endOffset", "expr", "fromClause", "functions", "groupClause",
    "havingClause", "items", "larg", "lexpr", "lidx", "limitCount", "limitOffset", "node",
    "orderClause", "over", "partitionClause", "quals", "rarg", "result", "rexpr", "sortClause",
    "startOffset", "subquery", "subselect", "targetList", "testexpr", "typeName", "typmods", "uidx",
    "val", "valuesLists", "whereClause", "windowClause");

/// Members that hold none, or names: what is to be known of these is taken by the node's own
/// function below.
constexpr auto skipped_members = names_of(
    "agg_distinct", "agg_star", "agg_within_group", "alias", "aliascolnames", "aliasname", "all",
    "argnumber", "arrayBounds", "boolop", "booltesttype", "boolval", "bsval", "collname", "colname",
    "colnames", "ctematerialized", "ctename", "fields", "frameOptions", "func_variadic",
    "funcformat", "funcname", "fval", "groupDistinct", "indirection", "inh", "is_local",
    "is_rowsfrom", "is_slice", "isNatural", "isnull", "ival", "join_using_alias", "jointype",
    "kind", "lateral", "limitOption", "location", "name", "names", "nulltesttype", "number", "op",
    "operName", "ordinality", "refname", "relname", "relpersistence", "row_format", "schemaname",
    "sortby_dir", "sortby_nulls", "subLinkId", "subLinkType", "sval", "typemod", "typmod", "useOp",
    "usingClause", "withClause");

template <typename Names>
bool is_in(const Names& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

/// The type of a member that goes without its type's name.
std::string_view type_of_member(std::string_view name) {
    if (name == "typeName")
        return "TypeName";
    if (name == "over")
        return "WindowDef";
    return name == "larg" || name == "rarg" ? "SelectStmt" : "";
}

/// `"a"`, as an identifier that is read as it is.
std::string quoted(std::string_view name) {
    std::string out = "\"";
    for (const char c : name)
        out.append(c == '"' ? 2 : 1, c);
    return out + '"';
}

/// Whether PostgreSQL need not guess the type of an expression: literals, NULL and parameters
/// are `unknown`.
bool has_type(const json::value& value) {
    const auto expression = node_in(value);
    if (!expression)
        return false;
    const auto& members = *expression->members;
    if (expression->type == "A_Const")
        return !members.contains("sval") && !members.contains("isnull");
    if (expression->type == "CollateClause" || expression->type == "NamedArgExpr")
        return members.contains("arg") && has_type(members.at("arg"));
    if (expression->type == "RowExpr")
        return std::ranges::all_of(list_in(members, "args"), has_type);
    if (expression->type == "List")
        return std::ranges::all_of(list_in(members, "items"), has_type);
    return expression->type != "ParamRef";
}

class collector {
 public:
    void select(const json::object& members) {
        const auto outside = ctes_.size();
        if (const auto* with = members.if_contains("withClause"))
            define(with->as_object());
        walk_members(members);
        ctes_.resize(outside);
    }

    std::optional<mentions> result() {
        if (!harmless_)
            return std::nullopt;
        for (auto* names : {&found_.relations, &found_.types, &found_.functions, &found_.operators,
                            &found_.columns, &found_.guessed_functions, &found_.guessed_operators})
            keep_each_once(*names);
        return std::move(found_);
    }

 private:
    static void keep_each_once(std::vector<std::string>& names) {
        std::ranges::sort(names);
        names.erase(std::unique(names.begin(), names.end()), names.end());
    }

    void walk(const node& one) {
        if (one.type == "SelectStmt")
            return select(*one.members);
        harmless_ = harmless_ && is_in(harmless_nodes, one.type);
        if (!harmless_)
            return;
        take(one);
        walk_members(*one.members);
    }

    void walk_members(const json::object& members) {
        for (const auto& member : members) {
            const std::string_view name{member.key().data(), member.key().size()};
            if (is_in(walked_members, name))
                walk_member(name, member.value());
            else
                harmless_ = harmless_ && is_in(skipped_members, name);
        }
    }

    void walk_member(std::string_view name, const json::value& value) {
        if (const auto* list = value.if_array())
            for (const auto& element : *list)
                walk_member("", element);
        else if (const auto one = node_in(value))
            walk(*one);
        else if (const auto* members = value.if_object(); members && !members->empty())
            walk({type_of_member(name), members});
    }

    void take(const node& one) {
        using taker = std::pair<std::string_view, void (collector::*)(const json::object&)>;
        static constexpr std::array takers{
            taker{"A_Expr", &collector::operation},
            taker{"A_Indirection", &collector::indirection},
            taker{"CaseExpr", &collector::choice},
            taker{"ColumnRef", &collector::column},
            taker{"FuncCall", &collector::call},
            taker{"JoinExpr", &collector::join},
            taker{"RangeVar", &collector::relation},
            taker{"SortBy", &collector::order},
            taker{"SubLink", &collector::sublink},
            taker{"TypeName", &collector::type},
        };
        const auto found = std::ranges::find(takers, one.type, &taker::first);
        if (found != takers.end())
            (this->*found->second)(*one.members);
    }

    // A name of WITH is known to the queries behind its own; to all of them if it is RECURSIVE.
    void define(const json::object& with) {
        const auto& ctes = list_in(with, "ctes");
        if (with.contains("recursive"))
            for (const auto& cte : ctes)
                add_cte(cte);
        for (const auto& cte : ctes) {
            walk_member("", cte);
            add_cte(cte);
        }
    }

    void add_cte(const json::value& cte) {
        if (const auto one = node_in(cte))
            ctes_.emplace_back(string_in(*one->members, "ctename"));
    }

    void relation(const json::object& range) {
        const auto name = string_in(range, "relname");
        const auto schema = string_in(range, "schemaname");
        if (!schema.empty())
            found_.relations.push_back(quoted(schema) + '.' + quoted(name));
        else if (std::ranges::find(ctes_, name) == ctes_.end())
            found_.relations.push_back(quoted(name));
    }

    void type(const json::object& type) {
        std::string out;
        for (const auto& name : list_in(type, "names"))
            out += (out.empty() ? "" : ".") + quoted(name_in(name));
        found_.types.push_back(out + (type.contains("arrayBounds") ? "[]" : ""));
    }

    // `t.f` is f(t) where t has no such column.
    void column(const json::object& reference) {
        const auto& fields = list_in(reference, "fields");
        if (fields.size() > 1)
            add_column(fields.back());
    }

    void indirection(const json::object& reference) {
        for (const auto& step : list_in(reference, "indirection"))
            if (const auto one = node_in(step); one && one->type == "A_Indices")
                walk(*one);
            else
                add_column(step);
    }

    void add_column(const json::value& field) {
        if (const auto name = name_in(field); !name.empty())  // and not *
            found_.columns.emplace_back(name);
    }

    void call(const json::object& call) {
        const auto name = built_in(list_in(call, "funcname"));
        harmless_ = harmless_ && pure_functions.contains(name);
        found_.functions.emplace_back(name);
        const auto& arguments = list_in(call, "args");
        if (!arguments.empty() && std::ranges::none_of(arguments, has_type))
            found_.guessed_functions.emplace_back(name);
    }

    // BETWEEN is made of comparisons: transformAExprBetween() in parser/parse_expr.c.
    void operation(const json::object& operation) {
        const bool between = string_in(operation, "kind").find("BETWEEN") != std::string_view::npos;
        std::vector<std::string> names{"<", "<=", ">", ">="};
        if (!between)
            names.assign(1, std::string{built_in(list_in(operation, "name"))});
        found_.operators.insert(found_.operators.end(), names.begin(), names.end());

        for (const auto* operand : {"lexpr", "rexpr"})
            if (operation.contains(operand) && has_type(operation.at(operand)))
                return;
        found_.guessed_operators.insert(found_.guessed_operators.end(), names.begin(), names.end());
    }

    // What compares by the operator that is called `=` without saying so.
    void choice(const json::object& choice) {
        if (choice.contains("arg"))
            found_.operators.emplace_back("=");
    }

    void join(const json::object& join) {
        if (join.contains("usingClause") || join.contains("isNatural"))
            found_.operators.emplace_back("=");
    }

    void sublink(const json::object& link) {
        if (link.contains("operName"))
            found_.operators.emplace_back(built_in(list_in(link, "operName")));
        else if (link.contains("testexpr"))
            found_.operators.emplace_back("=");
    }

    void order(const json::object& order) {
        if (order.contains("useOp"))
            found_.operators.emplace_back(built_in(list_in(order, "useOp")));
    }

    /// A function's or operator's name without its schema, which may be pg_catalog only.
    std::string_view built_in(const json::array& names) {
        const bool qualified = names.size() == 2 && name_in(names.front()) == "pg_catalog";
        harmless_ = harmless_ && (names.size() == 1 || qualified);
        return harmless_ ? name_in(names.back()) : std::string_view{};
    }

    mentions found_;
    std::vector<std::string> ctes_;  // those in scope
    bool harmless_ = true;
};

}  // namespace

std::optional<mentions> mentions_of_select(std::string_view text) {
    const auto statements = statements_of(text);
    if (!statements || statements->size() != 1 || !statements->front().is_object())
        return std::nullopt;
    const auto* value = statements->front().get_object().if_contains("stmt");
    const auto statement = value ? node_in(*value) : std::nullopt;
    if (!statement || statement->type != "SelectStmt")
        return std::nullopt;

    collector all;
    all.select(*statement->members);
    return all.result();
}

}  // namespace pgballast::sql
