const units={k:1e3,M:1e6,G:1e9,us:1e-6,ms:1e-3,s:1,min:60,h:3600,B:1,KiB:1024,MiB:1048576};
const value=cell=>{const text=cell.textContent.trim(),found=text.match(/^[>+]?\s*(-?[\d,]*\.?\d+)\s*([A-Za-z]*)/);
return found?parseFloat(found[1].replace(/,/g,""))*(units[found[2]]??1):text};
const less=(a,b)=>typeof a===typeof b?(a<b?-1:a>b?1:0):typeof a==="number"?-1:1;
for(const head of document.querySelectorAll("th"))head.addEventListener("click",()=>{
const row=head.parentNode,body=row.closest("table").tBodies[0],at=[...row.cells].indexOf(head),down=!("down" in head.dataset);
for(const other of row.cells){delete other.dataset.down;delete other.dataset.up}
head.dataset[down?"down":"up"]="";
[...body.rows].sort((a,b)=>(down?-1:1)*less(value(a.cells[at]),value(b.cells[at]))).forEach(r=>body.append(r))});
