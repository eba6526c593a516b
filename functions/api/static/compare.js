export async function show(main) { main.append(document.createTextNode("soon")); }
